//! Ansible: the JSON of an inventory script with `--list`, and of `--host` for one host.
//!
//! Source: "Developing dynamic inventory" of the documentation of Ansible, and
//! `plugins/inventory/script.py` of ansible-core 2.19.

use crate::{
    feeds::{
        feed::{Feed, FeedRequest, JSON, SingleHost, VarNames},
        groups::GroupNames,
        option::FeedOption,
        parameters::NameRule,
        report::LeftOut,
        shown::{json, write_json},
        writer::{End, FeedWriter, Host, Output},
    },
    inventory::Flow,
    model::View,
};

pub(in crate::feeds) const FEED: Feed = Feed {
    media_type: JSON,
    rules: &[NameRule::Slug, NameRule::Name, NameRule::Ip],
    options: &[FeedOption::Vars, FeedOption::As, FeedOption::Groups],
    properties: &["port", "netmiko_driver"],
    vars: &["location", "model", "operating_system", "os_version", "serial_number", "vendor"],
    var_names: VarNames::Identifiers,
    groups: &["location", "model", "networks", "operating_system", "pools", "vendor"],
    group_names: GroupNames::Identifiers,
    single: SingleHost::Served,
    ..Feed::new(
        "ansible",
        "Ansible: the output of an inventory script. A host has its variables, and is in the groups of \
         its properties, pools and networks.",
        |_: &FeedRequest| Box::new(Ansible { hosts: 0 }),
    )
};

/// The positions of the properties.
const PORT: usize = 0;
const NETMIKO_DRIVER: usize = 1;

/// The platforms of Ansible's collections (`ansible_network_os`) by the drivers of Netmiko.
const NETWORK_OS: [(&str, &str); 9] = [
    ("arista_eos", "arista.eos.eos"),
    ("cisco_asa", "cisco.asa.asa"),
    ("cisco_ios", "cisco.ios.ios"),
    ("cisco_nxos", "cisco.nxos.nxos"),
    ("cisco_xe", "cisco.ios.ios"),
    ("cisco_xr", "cisco.iosxr.iosxr"),
    ("juniper", "junipernetworks.junos.junos"),
    ("juniper_junos", "junipernetworks.junos.junos"),
    ("vyos", "vyos.vyos.vyos"),
];

/// The group of all hosts. Ansible ignores a host that is in no group, also if it has variables.
const ALL_HOSTS: &str = "satchel";

struct Ansible {
    hosts: u64,
}

impl FeedWriter for Ansible {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.extend_from_slice(b"{\"_meta\":{\"hostvars\":{");
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        if self.hosts > 0 {
            out.extend_from_slice(b",\n");
        }
        self.hosts += 1;
        json(out, host.host);
        out.push(b':');
        self.single(out, host)
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        out.bytes().extend_from_slice(b"}}");
        for group in end.groups.iter() {
            let bytes = out.bytes();
            bytes.extend_from_slice(b",\n");
            json(bytes, &group.name);
            bytes.extend_from_slice(b":{\"vars\":{");
            variable(bytes, "satchel_group_property", &View::Text(&group.property));
            bytes.push(b',');
            variable(bytes, "satchel_group_value", &View::Text(&group.value));
            bytes.extend_from_slice(b"},\"hosts\":[");
            if hosts(out, end.groups.hosts(group)) == Flow::Stop {
                return;
            }
            out.bytes().extend_from_slice(b"]}");
        }
        out.bytes().extend_from_slice(b",\n\"");
        out.bytes().extend_from_slice(ALL_HOSTS.as_bytes());
        out.bytes().extend_from_slice(b"\":{\"hosts\":[");
        if hosts(out, end.groups.all_hosts()) == Flow::Continue {
            out.bytes().extend_from_slice(b"]}}\n");
        }
    }

    fn single(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        out.push(b'{');
        variable(out, "satchel_name", &View::Text(host.name));
        if let Some(target) = host.target() {
            out.push(b',');
            variable(out, "ansible_host", &View::Text(&target));
        }
        if let Some(port) = host.port(PORT) {
            out.push(b',');
            variable(out, "ansible_port", &View::Int(port.into()));
        }
        let driver = host.text(NETMIKO_DRIVER);
        if let Some((_, system)) = NETWORK_OS.iter().find(|(known, _)| *known == driver) {
            out.push(b',');
            variable(out, "ansible_network_os", &View::Text(system));
        }
        for (name, value) in host.vars() {
            out.push(b',');
            variable(out, name, &value);
        }
        out.push(b'}');
        Ok(())
    }
}

/// Writes the names of hosts. [`Flow::Stop`] if nobody wants more.
fn hosts<'h>(out: &mut dyn Output, hosts: impl Iterator<Item = &'h str>) -> Flow {
    for (number, host) in hosts.enumerate() {
        if number > 0 {
            out.bytes().push(b',');
        }
        json(out.bytes(), host);
        if out.checkpoint() == Flow::Stop {
            return Flow::Stop;
        }
    }
    Flow::Continue
}

/// Writes a variable. Ansible evaluates the variables of an inventory as templates, so a text with
/// the beginning of a template is marked as one that must not be evaluated. Otherwise a device's
/// name could run a command on the machine of Ansible.
fn variable(out: &mut Vec<u8>, name: &str, value: &View<'_>) {
    json(out, name);
    out.push(b':');
    let is_scalar = matches!(value, View::Null | View::Bool(_) | View::Int(_) | View::Float(_));
    if is_scalar {
        json(out, value);
        return;
    }
    let start = out.len();
    write_json(out, value);
    let is_template = ["{{", "{%", "{#"]
        .iter()
        .any(|mark| out[start..].windows(mark.len()).any(|window| window == mark.as_bytes()));
    if is_template {
        let text = out.split_off(start);
        write_unsafe(out, &text);
    }
}

/// Writes JSON again, with each text marked as unsafe.
fn write_unsafe(out: &mut Vec<u8>, text: &[u8]) {
    let marked = serde_json::from_slice(text).map_or(serde_json::Value::Null, marked);
    json(out, &marked);
}

fn marked(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => serde_json::json!({ "__ansible_unsafe": text }),
        Value::Array(items) => items.into_iter().map(marked).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, marked(value))).collect()
        }
        scalar => scalar,
    }
}
