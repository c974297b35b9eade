//! The columns of a template: the meaning, the example and the known values of each property.
//!
//! The meanings follow the manual of eNMS 4.x. Known values are those of eNMS 4.6: its exact types,
//! its icons (`setup/visualization.json`), and the drivers that it reads from napalm 4, ncclient 0.6
//! and scrapli (`eNMS/variables.py`). The drivers of netmiko are too many for a list.

use crate::model::Kind;

/// The example of a property in the row of the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Example {
    /// The cell is empty.
    None,
    /// A value that real records have as well.
    Usual(&'static str),
    /// An invented value. In a record of a user it was probably forgotten.
    Invented(&'static str),
}

impl Example {
    /// The text of the cell.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Usual(text) | Self::Invented(text) => text,
        }
    }
}

/// The meaning of a property, its example, and its known values.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnText {
    pub property: &'static str,
    pub meaning: &'static str,
    pub example: Example,
    pub known_values: &'static [&'static str],
}

const fn column(property: &'static str, example: Example, meaning: &'static str) -> ColumnText {
    ColumnText { property, meaning, example, known_values: &[] }
}

impl ColumnText {
    const fn of(self, known_values: &'static [&'static str]) -> Self {
        Self { known_values, ..self }
    }
}

/// Returns the meaning of a property of a device or link.
pub(super) fn of(kind: Kind, property: &str) -> Option<&'static ColumnText> {
    all(kind).iter().find(|column| column.property == property)
}

fn all(kind: Kind) -> &'static [ColumnText] {
    match kind {
        Kind::Link => LINK,
        _ => DEVICE,
    }
}

use Example::{Invented, None, Usual};

/// Properties that eNMS or Satchel sets.
const SET_BY_SERVER: &str = "Set by the server. Leave the cell empty.";
const SET_BY_ENMS: &str = "Set by eNMS when it connects to the device. Leave the cell empty.";

const DEVICE: &[ColumnText] = &[
    column(
        "name",
        None,
        "The unique name of the device. A row whose name exists in the inventory changes that device.",
    ),
    column(
        "ip_address",
        Invented("198.51.100.111"),
        "The management address: IPv4 or IPv6, without a prefix length.",
    ),
    column("port", Usual("22"), "The TCP port of the management connection, for example 22 for SSH."),
    column(
        "type",
        Usual("device"),
        "The kind of device in eNMS. A gateway lists the devices behind it in the column 'devices'.",
    )
    .of(&["device", "gateway", "router"]),
    column("subtype", Invented("EXAMPLE subtype"), "A free text: the subtype of the device."),
    column("vendor", Invented("EXAMPLE vendor"), "A free text: the vendor."),
    column("model", Invented("EXAMPLE model"), "A free text: the model."),
    column("operating_system", Invented("EXAMPLE OS"), "A free text: the operating system."),
    column(
        "os_version",
        Invented("EXAMPLE 1.0"),
        "A free text: the version of the operating system.",
    ),
    column(
        "serial_number",
        Invented("EXAMPLE-0012"),
        "The serial number. The column is a text, so leading zeros and long numbers are kept.",
    ),
    column("location", Invented("EXAMPLE site"), "A free text: the site."),
    column("latitude", Usual("0.0"), "The latitude in degrees, from -90 to 90, with a decimal point."),
    column(
        "longitude",
        Usual("0.0"),
        "The longitude in degrees, from -180 to 180, with a decimal point.",
    ),
    column("description", Invented("EXAMPLE description"), "A free text."),
    column("icon", Usual("router"), "The icon on maps.").of(&[
        "antenna",
        "firewall",
        "host",
        "optical_switch",
        "regenerator",
        "router",
        "server",
        "switch",
    ]),
    column(
        "netmiko_driver",
        Usual("cisco_ios"),
        "The driver of netmiko, for example cisco_ios, cisco_xr, arista_eos, juniper_junos or linux.",
    ),
    column("napalm_driver", Usual("ios"), "The driver of napalm.").of(&[
        "eos",
        "ios",
        "iosxr",
        "iosxr_netconf",
        "junos",
        "nxos",
        "nxos_ssh",
    ]),
    column("scrapli_driver", Usual("cisco_iosxe"), "The driver of scrapli.").of(&[
        "arista_eos",
        "cisco_iosxe",
        "cisco_iosxr",
        "cisco_nxos",
        "juniper_junos",
    ]),
    column("netconf_driver", Usual("default"), "The driver of ncclient for NETCONF.").of(&[
        "alu",
        "ciena",
        "csr",
        "default",
        "h3c",
        "hpcomware",
        "huawei",
        "huaweiyang",
        "iosxe",
        "iosxr",
        "junos",
        "nexus",
        "sros",
    ]),
    column("priority", Usual("1"), "Of several gateways, eNMS uses those with a higher priority first."),
    column("reachable", Usual("False"), "Whether the device was reachable."),
    column("down", Usual("False"), "Whether the device is out of service."),
    column("creator", None, SET_BY_SERVER),
    column("last_modified", None, SET_BY_SERVER),
    column("last_modified_by", None, SET_BY_SERVER),
    column("devices", None, "The devices behind a gateway."),
    column("gateways", None, "The gateways through which eNMS connects to the device."),
    column("owners", None, "The users who own the device."),
    column("positions", None, "The positions on maps of networks. Set by eNMS."),
    column("rbac_configuration", None, "The groups that can see the configuration."),
    column("rbac_connect", None, "The groups that can open a connection."),
    column("rbac_edit", None, "The groups that can change the device."),
    column("rbac_read", None, "The groups that can see the device."),
    column("rbac_target", None, "The groups that can run services on the device."),
    column("last_configuration_duration", None, SET_BY_ENMS),
    column("last_configuration_failure", None, SET_BY_ENMS),
    column("last_configuration_runtime", None, SET_BY_ENMS),
    column("last_configuration_status", None, SET_BY_ENMS),
    column("last_configuration_update", None, SET_BY_ENMS),
    column("last_operational_data_duration", None, SET_BY_ENMS),
    column("last_operational_data_failure", None, SET_BY_ENMS),
    column("last_operational_data_runtime", None, SET_BY_ENMS),
    column("last_operational_data_status", None, SET_BY_ENMS),
    column("last_operational_data_update", None, SET_BY_ENMS),
];

const LINK: &[ColumnText] = &[
    column(
        "name",
        None,
        "The unique name of the link. A row whose name exists in the inventory changes that link.",
    ),
    column(
        "source",
        Invented("EXAMPLE device 1"),
        "The name of the device or network at the first end. It is in the sheet 'device' or in the \
         inventory.",
    ),
    column(
        "destination",
        Invented("EXAMPLE device 2"),
        "The name of the device or network at the second end.",
    ),
    column("type", Usual("link"), "The kind of link in eNMS.").of(&["link", "ethernet_link"]),
    column("subtype", Invented("EXAMPLE subtype"), "A free text: the subtype of the link."),
    column("vendor", Invented("EXAMPLE vendor"), "A free text: the vendor or carrier."),
    column("model", Invented("EXAMPLE model"), "A free text: the model or medium."),
    column("location", Invented("EXAMPLE site"), "A free text: the site."),
    column("description", Invented("EXAMPLE description"), "A free text."),
    column("color", Usual("#000000"), "The colour on maps: # and six hexadecimal digits."),
    column("creator", None, SET_BY_SERVER),
    column("last_modified", None, SET_BY_SERVER),
    column("last_modified_by", None, SET_BY_SERVER),
    column("owners", None, "The users who own the link."),
    column("rbac_edit", None, "The groups that can change the link."),
    column("rbac_read", None, "The groups that can see the link."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        codec::workbook::{Cell, parse_cell},
        model::InstanceType,
        topology::KINDS,
    };

    #[test]
    fn every_property_has_a_meaning_and_an_example_of_its_type() {
        for kind in KINDS {
            let described: BTreeSet<&str> =
                all(kind).iter().map(|column| column.property).collect();
            let properties: BTreeSet<&str> =
                kind.properties().iter().map(|property| property.name).collect();
            assert_eq!(described, properties, "{kind}");
            assert_eq!(all(kind).len(), properties.len(), "{kind}");
            for column in all(kind) {
                let type_ = kind.property(column.property).unwrap().type_;
                let cell = Cell::from(column.example.text());
                assert!(parse_cell(type_, &cell).is_ok(), "{kind} {}", column.property);
                let known = column.known_values;
                let is_listed = known.is_empty() || known.contains(&column.example.text());
                assert!(is_listed, "{kind} {}", column.property);
                // Excel's limit of a list in a rule.
                assert!(known.join(",").len() <= 255, "{kind} {}", column.property);
            }
            for known in of(kind, "type").unwrap().known_values {
                assert!(InstanceType::is_known(kind, known), "{known}");
            }
        }
    }
}
