// The pages beside the tables, in the order of the navigation.

/**
 * `group`: the part of the navigation; none for a page that other pages open. `right`: the right that a user
 * needs to see it.
 * @type {{id: string, icon?: string, group?: string, right?: string, load: () => Promise<any>}[]}
 */
export const PAGES = [
  { id: "overview", icon: "house", group: "top", load: () => import("./pages/overview.js") },
  { id: "history", icon: "history", group: "top", load: () => import("./pages/history.js") },
  { id: "import", icon: "upload", group: "operate", right: "import", load: () => import("./pages/import.js") },
  { id: "backup", icon: "archive", group: "operate", right: "backup", load: () => import("./pages/backup.js") },
  { id: "access", icon: "shield-check", group: "operate", load: () => import("./pages/access.js") },
  { id: "system", icon: "server", group: "operate", load: () => import("./pages/system.js") },
  { id: "new", right: "edit", load: () => import("./pages/create.js") },
];

/** The page that the console opens with. */
export const FIRST = "overview";
