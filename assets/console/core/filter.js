// The filter of a table: a text that a person types, and the criteria of the search that it means.
//
//   core             the name contains "core"
//   vendor:nokia     the vendor contains "nokia"
//   vendor=Nokia     the vendor is "Nokia"
//   model~^MX        the model matches a regular expression
//   serial_number:   the serial number is empty
//   -location:porto  the location does not contain "porto"
//   location="São Paulo"

import { texts } from "../texts.js";

const TERM = /(-?)(?:([\p{L}_][\p{L}\p{N}_]*)([:=~]))?(?:"((?:[^"\\]|\\.)*)"|(\S*))(?:\s+|$)/uy;

const FILTERS = { ":": "inclusion", "=": "equality", "~": "regex" };

/**
 * @typedef {{property: string, filter: string, value: string, invert: boolean, text: string}} Term
 */

/** Returns the terms of a filter. Throws an `Error` with a message for a person. */
export function parseFilter(text) {
  const terms = [];
  const trimmed = text.trim();
  TERM.lastIndex = 0;
  while (TERM.lastIndex < trimmed.length) {
    const from = TERM.lastIndex;
    const found = TERM.exec(trimmed);
    if (!found || TERM.lastIndex === from) throw new Error(texts.filter.malformed(trimmed.slice(from)));
    const [whole, minus, property = "name", operator = ":", quoted, bare = ""] = found;
    const value = quoted === undefined ? bare : quoted.replace(/\\(.)/g, "$1");
    if (bare.startsWith("\"")) throw new Error(texts.filter.quote(bare));
    if (terms.some((term) => term.property === property)) throw new Error(texts.filter.twice(property));
    const filter = value === "" ? "empty" : FILTERS[operator];
    terms.push({ property, filter, value, invert: minus === "-", text: whole.trim() });
  }
  return terms;
}

/** Returns the criteria of `POST /rest/search`. */
export function criteriaOf(terms) {
  const criteria = {};
  for (const { property, filter, value, invert } of terms) {
    criteria[property] = value;
    criteria[`${property}_filter`] = filter;
    if (invert) criteria[`${property}_invert`] = true;
  }
  return criteria;
}

/** Returns the filter without one of its terms. */
export const without = (terms, term) => terms.filter((other) => other !== term).map((other) => other.text).join(" ");

/** Returns a term that a property equals a value. */
export function equals(property, value) {
  return `${property}="${String(value).replace(/[\\"]/g, "\\$&")}"`;
}
