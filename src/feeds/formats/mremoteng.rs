//! mRemoteNG: connections for its import of CSV.
//!
//! Source: `CsvConnectionsDeserializerMremotengFormat.cs` of mRemoteNG. It splits lines at every `;`,
//! also between quotation marks.

use std::collections::HashSet;

use super::text::{line, put};
use crate::feeds::{
    feed::{Feed, FeedRequest},
    parameters::NameRule,
    report::LeftOut,
    slug::slug,
    writer::{FeedWriter, Host},
};

pub(in crate::feeds) const FEED: Feed = Feed {
    media_type: "text/csv; charset=utf-8",
    rules: &[NameRule::Slug],
    properties: &["port", "location"],
    ..Feed::new(
        "mremoteng",
        "mRemoteNG: connections by SSH for its import of CSV, in a folder for each location.",
        |_: &FeedRequest| Box::new(MRemoteNg { folders: HashSet::new() }),
    )
};

const PORT: usize = 0;
const LOCATION: usize = 1;
/// The port of SSH, for a device without one.
const SSH_PORT: u16 = 22;

struct MRemoteNg {
    folders: HashSet<String>,
}

/// Returns a text without the separator, and without the quotation marks that the import removes.
fn field(text: &str) -> String {
    line(text).replace(';', ",").replace('"', "'")
}

impl FeedWriter for MRemoteNg {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.extend_from_slice(b"Name;Id;Parent;NodeType;Description;Hostname;Protocol;Port\r\n");
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let target = host.target().ok_or(LeftOut::NoAddress)?;
        let location = host.text(LOCATION);
        let folder = match slug(&location) {
            id if id.is_empty() => String::new(),
            id => format!("folder-{id}"),
        };
        if !folder.is_empty() && self.folders.insert(folder.clone()) {
            put!(out, "{};{folder};;Container;;;;\r\n", field(&location));
        }
        let port = host.port(PORT).unwrap_or(SSH_PORT);
        let (name, id) = (field(host.name), host.host);
        put!(out, "{name};device-{id};{folder};Connection;;{target};SSH2;{port}\r\n");
        Ok(())
    }
}
