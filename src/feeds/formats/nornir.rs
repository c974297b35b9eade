//! Nornir: the three files of its plugin SimpleInventory.
//!
//! Source: `nornir/plugins/inventory/simple.py` of Nornir 3. The files are JSON, which is YAML too.

use super::text::yaml;
use crate::feeds::{
    feed::{Feed, FeedRequest},
    option::FeedOption,
    parameters::NameRule,
    report::LeftOut,
    shown::stripped_json,
    writer::{End, FeedWriter, Host, Output},
};

const HOSTS: &str = "hosts";
const GROUPS: &str = "groups";
const DEFAULTS: &str = "defaults";

pub(in crate::feeds) const FEED: Feed = Feed {
    media_type: "application/yaml",
    rules: &[NameRule::Slug, NameRule::Name, NameRule::Ip],
    options: &[FeedOption::File, FeedOption::Vars, FeedOption::As, FeedOption::Groups],
    properties: &["port", "netmiko_driver", "napalm_driver", "scrapli_driver"],
    vars: &["location", "model", "operating_system", "os_version", "serial_number", "vendor"],
    groups: &["location", "model", "networks", "operating_system", "pools", "vendor"],
    files: &[HOSTS, GROUPS, DEFAULTS],
    ..Feed::new(
        "nornir",
        "Nornir: the files hosts.yaml, groups.yaml and defaults.yaml of SimpleInventory.",
        |request: &FeedRequest| {
            Box::new(Nornir { file: request.settings.file.unwrap_or(HOSTS), hosts: 0 })
        },
    )
};

const PORT: usize = 0;
const NETMIKO_DRIVER: usize = 1;
/// The drivers of the other connection plugins.
const DRIVERS: [(&str, usize); 2] = [("napalm", 2), ("scrapli", 3)];

struct Nornir {
    file: &'static str,
    hosts: u64,
}

impl FeedWriter for Nornir {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.push(b'{');
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        if self.file != HOSTS {
            return Ok(());
        }
        if self.hosts > 0 {
            out.extend_from_slice(b",\n");
        }
        self.hosts += 1;
        yaml(out, host.host);
        out.extend_from_slice(b": {\"hostname\": ");
        yaml(out, &host.target());
        out.extend_from_slice(b", \"port\": ");
        yaml(out, &host.port(PORT));
        out.extend_from_slice(b", \"platform\": ");
        yaml(out, &host.text(NETMIKO_DRIVER));
        out.extend_from_slice(b", \"connection_options\": {");
        for (number, (plugin, property)) in DRIVERS.iter().enumerate() {
            if number > 0 {
                out.extend_from_slice(b", ");
            }
            yaml(out, plugin);
            out.extend_from_slice(b": {\"platform\": ");
            yaml(out, &host.text(*property));
            out.push(b'}');
        }
        out.push(b'}');
        out.extend_from_slice(b", \"groups\": ");
        yaml(out, host.groups);
        out.extend_from_slice(b", \"data\": {\"satchel_name\": ");
        yaml(out, host.name);
        for (name, value) in host.vars() {
            out.extend_from_slice(b", ");
            yaml(out, name);
            out.extend_from_slice(b": ");
            yaml(out, &stripped_json(&value));
        }
        out.extend_from_slice(b"}}");
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        let out = out.bytes();
        if self.file == GROUPS {
            for (number, group) in end.groups.iter().enumerate() {
                if number > 0 {
                    out.extend_from_slice(b",\n");
                }
                yaml(out, &group.name);
                out.extend_from_slice(b": {\"data\": {\"satchel_group_property\": ");
                yaml(out, &group.property);
                out.extend_from_slice(b", \"satchel_group_value\": ");
                yaml(out, &group.value);
                out.extend_from_slice(b"}}");
            }
        }
        out.extend_from_slice(b"}\n");
    }
}
