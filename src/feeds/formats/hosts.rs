//! `/etc/hosts` (hosts(5)).

use super::text::{line, put};
use crate::feeds::{
    feed::{Feed, FeedRequest},
    option::FeedOption,
    report::LeftOut,
    writer::{End, FeedWriter, Host, Output},
};

pub(in crate::feeds) const FEED: Feed = Feed {
    options: &[FeedOption::Zone],
    ..Feed::new(
        "hosts",
        "/etc/hosts: the address and the name of each device; with zone, also the name in the domain.",
        |request: &FeedRequest| Box::new(Hosts { zone: request.settings.zone.clone() }),
    )
};

struct Hosts {
    zone: Option<String>,
}

impl FeedWriter for Hosts {
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let address = host.ip()?;
        put!(out, "{address}\t");
        if let Some(zone) = &self.zone {
            put!(out, "{}.{zone}\t", host.host);
        }
        put!(out, "{}\t# {}\n", host.host, line(host.name));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        end.report.write_comment(out.bytes(), "#");
    }
}
