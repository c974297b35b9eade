//! Prometheus: the targets of HTTP and file service discovery.
//!
//! Source: `docs/http_sd.md` and `docs/configuration/configuration.md` of Prometheus.

use std::net::{IpAddr, SocketAddr};

use crate::feeds::{
    feed::{Feed, FeedRequest, JSON, VarNames},
    option::FeedOption,
    parameters::NameRule,
    report::LeftOut,
    shown::{json, text},
    writer::{End, FeedWriter, Host, Output},
};

pub(in crate::feeds) const FEED: Feed = Feed {
    media_type: JSON,
    rules: &[NameRule::Ip, NameRule::Slug],
    options: &[FeedOption::Vars, FeedOption::As, FeedOption::TargetPort],
    vars: &["location", "model", "operating_system", "vendor"],
    var_names: VarNames::Identifiers,
    ..Feed::new(
        "prometheus",
        "Prometheus: targets for http_sd_configs and file_sd_configs, with the labels \
         __meta_satchel_name and __meta_satchel_PROPERTY.",
        |request: &FeedRequest| {
            let port = request.settings.target_port;
            Box::new(Prometheus { port, by_address: request.rule == NameRule::Ip, targets: 0 })
        },
    )
};

struct Prometheus {
    port: Option<u16>,
    by_address: bool,
    targets: u64,
}

impl Prometheus {
    fn target(&self, host: &Host<'_>) -> Result<String, LeftOut> {
        if !self.by_address {
            return Ok(match self.port {
                Some(port) => format!("{}:{port}", host.host),
                None => host.host.to_owned(),
            });
        }
        let address = host.ip()?;
        Ok(match (self.port, address) {
            (Some(port), address) => SocketAddr::new(address, port).to_string(),
            (None, IpAddr::V4(address)) => address.to_string(),
            // Without brackets, the last group of digits would be the port.
            (None, IpAddr::V6(address)) => format!("[{address}]"),
        })
    }
}

impl FeedWriter for Prometheus {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.push(b'[');
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let target = self.target(host)?;
        if self.targets > 0 {
            out.extend_from_slice(b",\n");
        }
        self.targets += 1;
        out.extend_from_slice(b"{\"targets\":[");
        json(out, &target);
        out.extend_from_slice(b"],\"labels\":{\"__meta_satchel_name\":");
        json(out, host.name);
        for (name, value) in host.vars() {
            out.extend_from_slice(b",\"__meta_satchel_");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            json(out, &*text(&value));
        }
        out.extend_from_slice(b"}}");
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        out.bytes().extend_from_slice(b"]\n");
    }
}
