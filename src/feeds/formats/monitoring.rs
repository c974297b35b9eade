//! Hosts of monitoring systems: Icinga 2 and Nagios.
//!
//! Sources: "Object Types" and "Language Reference" of Icinga 2, "Object Definitions" of Nagios Core.

use std::net::IpAddr;

use super::text::{line, put, quoted};
use crate::feeds::{
    feed::{Feed, FeedRequest},
    option::FeedOption,
    report::LeftOut,
    shown::text,
    writer::{End, FeedWriter, Host, Output},
};

/// The template of hosts that the packages of both systems bring.
const TEMPLATE: &str = "generic-host";

const GROUPS: &[&str] = &["location", "model", "networks", "operating_system", "pools", "vendor"];

fn template(request: &FeedRequest) -> String {
    request.settings.template.clone().unwrap_or_else(|| TEMPLATE.to_owned())
}

pub(in crate::feeds) const ICINGA: Feed = Feed {
    options: &[FeedOption::Vars, FeedOption::As, FeedOption::Groups, FeedOption::Template],
    vars: &["location", "model", "operating_system", "vendor"],
    groups: GROUPS,
    ..Feed::new(
        "icinga",
        "Icinga 2: hosts and host groups for conf.d, from the template generic-host or another one.",
        |request: &FeedRequest| Box::new(Icinga { template: template(request) }),
    )
};

pub(in crate::feeds) const NAGIOS: Feed = Feed {
    options: &[FeedOption::Groups, FeedOption::Template],
    groups: GROUPS,
    ..Feed::new(
        "nagios",
        "Nagios: hosts and host groups for cfg_dir, from the template generic-host or another one.",
        |request: &FeedRequest| Box::new(Nagios { template: template(request) }),
    )
};

struct Icinga {
    template: String,
}

impl FeedWriter for Icinga {
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let address = host.ip()?;
        let property = match address {
            IpAddr::V4(_) => "address",
            IpAddr::V6(_) => "address6",
        };
        put!(out, "object Host {} {{\n  import {}\n", quoted(host.host), quoted(&self.template));
        put!(out, "  {property} = \"{address}\"\n  display_name = {}\n", quoted(host.name));
        put!(out, "  vars.satchel_name = {}\n", quoted(&without_macros(host.name)));
        for (name, value) in host.vars() {
            let value = without_macros(&text(&value));
            put!(out, "  vars[{}] = {}\n", quoted(name), quoted(&value));
        }
        if !host.groups.is_empty() {
            let groups: Vec<_> = host.groups.iter().map(|group| quoted(group)).collect();
            put!(out, "  groups = [ {} ]\n", groups.join(", "));
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        for group in end.groups.iter() {
            let (name, value) = (quoted(&group.name), quoted(&group.value));
            put!(out.bytes(), "object HostGroup {name} {{\n  display_name = {value}\n}}\n");
        }
        end.report.write_comment(out.bytes(), "//");
    }
}

/// Returns a text that Icinga does not evaluate: a `$` begins a macro in the variables of a host, and
/// `$$` is the character itself.
fn without_macros(text: &str) -> String {
    text.replace('$', "$$")
}

struct Nagios {
    template: String,
}

/// Returns a text without the `;` that begins a comment, and without the `\` that continues a line at its
/// end.
fn directive(text: &str) -> String {
    line(text).replace(';', ",").replace('\\', "/").trim().to_owned()
}

impl FeedWriter for Nagios {
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let address = host.ip()?;
        put!(out, "define host {{\n  use {}\n", directive(&self.template));
        put!(out, "  host_name {}\n  address {address}\n", host.host);
        let alias = directive(host.name);
        let alias = if alias.is_empty() { host.host } else { &alias };
        put!(out, "  alias {alias}\n");
        if !host.groups.is_empty() {
            put!(out, "  hostgroups {}\n", host.groups.join(","));
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        for group in end.groups.iter() {
            let alias = directive(&group.value);
            let alias = if alias.is_empty() { &group.name } else { &alias };
            put!(out.bytes(), "define hostgroup {{\n  hostgroup_name {}\n", group.name);
            put!(out.bytes(), "  alias {alias}\n}}\n");
        }
        end.report.write_comment(out.bytes(), "#");
    }
}
