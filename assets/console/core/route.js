// The address of what is shown. It is the fragment, so that a link can be sent to a colleague and "back"
// works: `#/device/R1?tab=history`. Nothing else holds a filter, an order or a choice of columns.

import { signal } from "./html.js";

/**
 * @typedef {{segments: string[], query: Record<string, string>}} Route
 */

/** Returns the route of a fragment. A segment that is not valid percent-encoding stays as it is. */
export function parse(fragment) {
  const text = fragment.replace(/^#\/?/, "");
  const [address, query = ""] = text.split(/\?(.*)/s);
  const decode = (segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  };
  return {
    segments: address.split("/").filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** Returns the fragment of a route. Empty parameters are left out. */
export function link(segments, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) parameters.set(name, value);
  const text = parameters.toString();
  return `#/${segments.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** The route that is shown. */
export const route = signal(parse(location.hash));

window.addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

/** Goes to another page. */
export function go(segments, query) {
  location.hash = link(segments, query);
}

/** Changes parameters of the address without a new entry in the browser's history. */
export function setQuery(changes) {
  const query = { ...route.value.query, ...changes };
  history.replaceState(null, "", link(route.value.segments, query));
  route.value = parse(location.hash);
}
