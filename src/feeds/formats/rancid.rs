//! RANCID: the file `router.db`.
//!
//! Source: router.db(5) of RANCID 3: `name;type;state;comments`.

use super::{
    platform,
    text::{line, put},
};
use crate::{
    feeds::{
        feed::{Feed, FeedRequest},
        parameters::NameRule,
        report::LeftOut,
        slug::slug,
        writer::{End, FeedWriter, Host, Output},
    },
    model::View,
};

pub(in crate::feeds) const FEED: Feed = Feed {
    rules: &[NameRule::Slug, NameRule::Ip],
    properties: &["netmiko_driver", "down"],
    ..Feed::new(
        "rancid",
        "RANCID: the file router.db, with the type by the Netmiko driver and the state by the property \
         down.",
        |_: &FeedRequest| Box::new(Rancid),
    )
};

const NETMIKO_DRIVER: usize = 0;
const DOWN: usize = 1;

struct Rancid;

impl FeedWriter for Rancid {
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let driver = host.text(NETMIKO_DRIVER);
        let type_ = slug(platform::rancid(&driver));
        let is_down = matches!(host.properties.get(DOWN), Some(View::Bool(true)));
        let state = if is_down { "down" } else { "up" };
        let comment = line(host.name).replace(';', ",");
        put!(out, "{};{type_};{state};{comment}\n", host.host);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        end.report.write_comment(out.bytes(), "#");
    }
}
