// The pages beside the tables, in the order of the navigation.

/** @type {{id: string, icon: string, group: string, right?: string, load: () => Promise<any>}[]} */
export const PAGES = [];

/** The page that the console opens with. */
export const FIRST = "device";
