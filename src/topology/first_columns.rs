//! The order of the columns of an exported sheet.

use crate::model::Kind;

/// The properties in the first columns, in this order. The other known properties follow by name,
/// then the custom ones.
const DEVICE_FIRST: [&str; 22] = [
    "name",
    "ip_address",
    "port",
    "type",
    "subtype",
    "vendor",
    "model",
    "operating_system",
    "os_version",
    "serial_number",
    "location",
    "latitude",
    "longitude",
    "description",
    "icon",
    "netmiko_driver",
    "napalm_driver",
    "scrapli_driver",
    "netconf_driver",
    "priority",
    "reachable",
    "down",
];
const LINK_FIRST: [&str; 10] = [
    "name",
    "source",
    "destination",
    "type",
    "subtype",
    "vendor",
    "model",
    "location",
    "description",
    "color",
];

/// The properties in the first columns of a kind's sheet.
pub(super) fn first_columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Link => &LINK_FIRST,
        _ => &DEVICE_FIRST,
    }
}
