//! The configuration of OpenSSH's client (ssh_config(5)).

use super::text::{line, put};
use crate::{
    feeds::{
        feed::{Feed, FeedRequest},
        report::LeftOut,
        writer::{End, FeedWriter, Host, Output},
    },
    model::{Kind, View},
};

pub(in crate::feeds) const FEED: Feed = Feed {
    properties: &["port", "gateways"],
    ..Feed::new(
        "ssh_config",
        "OpenSSH: a file for Include of ~/.ssh/config. The first gateway of a device is its ProxyJump.",
        |_: &FeedRequest| Box::new(SshConfig),
    )
};

const PORT: usize = 0;
const GATEWAYS: usize = 1;

struct SshConfig;

impl FeedWriter for SshConfig {
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let target = host.target().ok_or(LeftOut::NoAddress)?;
        put!(out, "# {}\nHost {}\n  HostName {target}\n", line(host.name), host.host);
        if let Some(port) = host.port(PORT) {
            put!(out, "  Port {port}\n");
        }
        if let Some(View::Texts(gateways)) = host.properties.get(GATEWAYS)
            && let Some(first) = gateways.first()
        {
            put!(out, "  ProxyJump {}\n", host.names.node(Kind::Device, first));
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        end.report.write_comment(out.bytes(), "#");
    }
}
