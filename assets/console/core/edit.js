// What a form changes: the values that differ from the record, as a patch for the server.

import { KINDS } from "./model.js";

/** Properties that Satchel sets by itself. */
const COMPUTED = /^(creator|last_modified|last_modified_by|source_name|destination_name|service_name|device_number|link_number|last_scheduled_by|last_updated)$/;

/** Returns the properties of a kind that a form shows, with the custom ones of the record. */
export function editable(kind, record) {
  const { properties, inverse } = KINDS[kind];
  const typed = Object.keys(properties).filter((name) => name !== "name" && name !== "type" && !COMPUTED.test(name));
  const custom = Object.keys(record).filter((name) => !properties[name] && !inverse[name] && name !== "type");
  return [...typed, ...custom];
}

/** Returns how a property is edited: `text`, `long`, `number`, `boolean`, `secret`, `one`, `many` or `json`. */
export function fieldForm(kind, property, value) {
  const type = KINDS[kind].properties[property] || "any";
  const [form] = type.split(" ");
  if (form === "one" || form === "many" || form === "boolean" || form === "secret") return form;
  if (form === "integer" || form === "number") return "number";
  if (form === "any") {
    if (typeof value === "string" || value === undefined) return "text";
    if (typeof value === "number") return "number";
    return typeof value === "boolean" ? "boolean" : "json";
  }
  return typeof value === "string" && (value.includes("\n") || value.length > 80) ? "long" : "text";
}

/** Returns the text of a field for a value. */
export function fieldText(form, value) {
  if (form === "json") return value === undefined ? "" : JSON.stringify(value, null, 2);
  return value === null || value === undefined ? "" : String(value);
}

/** Returns the value of a field. Throws a `SyntaxError` for a text that is no number or no JSON. */
export function fieldValue(form, text) {
  if (form === "number") {
    if (text.trim() === "") return null;
    const number = Number(text);
    if (!Number.isFinite(number)) throw new SyntaxError(text);
    return number;
  }
  return form === "json" ? (text.trim() === "" ? null : JSON.parse(text)) : text;
}

export const isEqual = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** Returns the properties of `values` that differ from the record. */
export function patchOf(values, record) {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => !isEqual(value, record[name])));
}
