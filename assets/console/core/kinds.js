// Facts about kinds for people: titles, icons, columns that a table shows first, groups of properties.

import { KINDS } from "./model.js";
import { texts } from "../texts.js";

/** The kinds in the order of the navigation. */
export const ORDER = [
  "device", "link", "network", "pool", "service", "workflow_edge", "task", "credential", "file", "user", "group",
];

const ICONS = {
  device: "router", link: "spline", network: "network", pool: "folder", service: "workflow",
  workflow_edge: "waypoints", task: "list-checks", credential: "key-round", file: "file-code",
  user: "user-round", group: "users-round",
};

const COLUMNS = {
  device: ["name", "vendor", "model", "location", "ip_address", "operating_system", "os_version", "serial_number", "links"],
  link: ["name", "source", "destination", "vendor", "model", "subtype"],
  network: ["name", "category", "location", "nodes", "links", "networks"],
  pool: ["name", "description", "device_number", "link_number", "last_modified"],
  service: ["name", "type", "vendor", "operating_system", "run_method", "last_modified"],
  workflow_edge: ["name", "workflow", "subtype", "source", "destination"],
  task: ["name", "service", "scheduling_mode", "crontab_expression", "frequency", "is_active"],
  credential: ["name", "role", "subtype", "username", "priority", "groups"],
  file: ["name", "type", "path", "last_updated"],
  user: ["name", "description", "email", "is_admin", "authentication", "groups"],
  group: ["name", "description", "email", "users", "pages"],
};

const GROUPS = {
  device: [
    ["identity", ["name", "type", "subtype", "description", "icon", "serial_number", "priority"]],
    ["hardware", ["vendor", "model", "operating_system", "os_version"]],
    ["place", ["location", "latitude", "longitude", "positions"]],
    ["access", ["ip_address", "port", "netmiko_driver", "napalm_driver", "scrapli_driver", "netconf_driver", "gateways", "devices"]],
    ["state", ["reachable", "down"]],
  ],
  link: [
    ["identity", ["name", "type", "subtype", "description", "color"]],
    ["ends", ["source", "source_name", "destination", "destination_name"]],
    ["hardware", ["vendor", "model", "location"]],
  ],
};

/** The properties of every kind that say who may do what, and those that say who changed the record. */
const RIGHTS = /^(rbac_|owners$|admin_only$|restrict_to_owners$|public$)/;
const CHANGES = /^(creator|last_modified|last_modified_by|creation_time|last_updated|last_(configuration|operational_data)_.*|last_run|last_scheduled_by)$/;

export const icon = (kind) => ICONS[kind] || "file-code";
export const title = (kind) => texts.kinds[kind] || kind;
export const oneTitle = (kind) => texts.kind[kind] || kind;
export const defaultColumns = (kind) => COLUMNS[kind];

/** Returns the type of a property: `text`, `one device`, … A custom property has the type `any`. */
export function typeOf(kind, property) {
  const known = KINDS[kind];
  if (known.properties[property]) return known.properties[property];
  return known.inverse[property] ? `inverse ${known.inverse[property]}` : "any";
}

export const isCustom = (kind, property) => typeOf(kind, property) === "any" && !KINDS[kind].properties[property];

/** Returns the kind of the records that a relation names, or `null` if the property is no relation. */
export function relationTarget(kind, property) {
  const [form, target] = typeOf(kind, property).split(" ");
  return target && form !== "inverse" ? target : target || null;
}

/** Returns the properties of a record in groups: `[title, names]`. Inverse relations are left out. */
export function grouped(kind, record) {
  const names = Object.keys(record).filter((name) => !isShownAsRelation(kind, name));
  const taken = new Set();
  const groups = [];
  const add = (group, members) => {
    const present = members.filter((name) => names.includes(name) && !taken.has(name));
    present.forEach((name) => taken.add(name));
    if (present.length > 0) groups.push([texts.groups[group], present]);
  };
  for (const [group, members] of GROUPS[kind] || [["identity", ["name", "type", "subtype", "description"]]]) {
    add(group, members);
  }
  add("custom", names.filter((name) => isCustom(kind, name)));
  add("settings", names.filter((name) => !RIGHTS.test(name) && !CHANGES.test(name)));
  add("rights", names.filter((name) => RIGHTS.test(name)));
  add("changes", names);
  return groups;
}

/** Returns whether a property stands among the relations of a record's page. */
export function isShownAsRelation(kind, property) {
  const type = typeOf(kind, property);
  return type.startsWith("inverse ") || (type.startsWith("many ") && !RIGHTS.test(property));
}
