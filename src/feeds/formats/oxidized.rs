//! Oxidized: the list of nodes of its sources `http` and `csv`.
//!
//! Source: `lib/oxidized/source/http.rb`, `csv.rb` and `docs/Sources.md` of Oxidized.

use super::{platform, text::put};
use crate::feeds::{
    feed::{Feed, FeedRequest, JSON, SingleHost},
    option::FeedOption,
    parameters::NameRule,
    report::LeftOut,
    shown::{json, write_json},
    slug::slug,
    writer::{End, FeedWriter, Host, Output},
};

/// The positions of the properties.
const NETMIKO_DRIVER: usize = 0;
const LOCATION: usize = 1;
const PROPERTIES: &[&str] = &["netmiko_driver", "location"];

pub(in crate::feeds) const FEED: Feed = Feed {
    media_type: JSON,
    rules: &[NameRule::Slug, NameRule::Name, NameRule::Ip],
    options: &[FeedOption::Vars, FeedOption::As],
    properties: PROPERTIES,
    single: SingleHost::Served,
    ..Feed::new(
        "oxidized",
        "Oxidized: the nodes for the source http, with name, ip, model and group (the location).",
        |_: &FeedRequest| Box::new(Http { nodes: 0 }),
    )
};

pub(in crate::feeds) const CSV: Feed = Feed {
    rules: &[NameRule::Slug, NameRule::Ip],
    properties: PROPERTIES,
    ..Feed::new(
        "oxidized-csv",
        "Oxidized: the file of the source csv, with name;ip;model;group.",
        |_: &FeedRequest| Box::new(Csv),
    )
};

struct Http {
    nodes: u64,
}

impl FeedWriter for Http {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.push(b'[');
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        if self.nodes > 0 {
            out.extend_from_slice(b",\n");
        }
        self.nodes += 1;
        self.single(out, host)
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        out.bytes().extend_from_slice(b"]\n");
    }

    fn single(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let driver = host.text(NETMIKO_DRIVER);
        let group = slug(&host.text(LOCATION));
        let members = [
            ("name", Some(host.host)),
            ("satchel_name", Some(host.name)),
            ("ip", host.target().as_deref()),
            ("model", Some(platform::oxidized(&driver))),
            ("group", Some(&*group).filter(|group| !group.is_empty())),
        ]
        .map(|(name, value)| (name, value.map(str::to_owned)));
        out.push(b'{');
        for (number, (name, value)) in members.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            json(out, name);
            out.push(b':');
            json(out, value);
        }
        // Beside the members above, so that a property cannot replace one.
        out.extend_from_slice(b",\"vars\":{");
        for (number, (name, value)) in host.vars().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            json(out, name);
            out.push(b':');
            write_json(out, &value);
        }
        out.extend_from_slice(b"}}");
        Ok(())
    }
}

struct Csv;

impl FeedWriter for Csv {
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let driver = host.text(NETMIKO_DRIVER);
        let model = slug(platform::oxidized(&driver));
        let ip = host.target().unwrap_or_default();
        put!(out, "{};{ip};{model};{}\n", host.host, slug(&host.text(LOCATION)));
        Ok(())
    }
}
