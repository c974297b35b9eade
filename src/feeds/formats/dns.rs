//! Names of hosts for DNS servers: dnsmasq (dnsmasq(8)) and a zone file of BIND (RFC 1035, section 5).

use std::net::IpAddr;

use super::text::{line, put};
use crate::feeds::{
    feed::{Feed, FeedRequest},
    option::FeedOption,
    report::LeftOut,
    writer::{End, FeedWriter, Host, Output},
};

pub(in crate::feeds) const DNSMASQ: Feed = Feed {
    options: &[FeedOption::Zone, FeedOption::Mac],
    ..Feed::new(
        "dnsmasq",
        "dnsmasq: a file for conf-dir with host-record lines; with mac, also dhcp-host lines for the \
         devices with a MAC address.",
        |request: &FeedRequest| {
            let settings = &request.settings;
            let zone = settings.zone.clone();
            Box::new(Dnsmasq { zone, reservations: settings.mac.is_some() })
        },
    )
};

pub(in crate::feeds) const BIND: Feed = Feed {
    options: &[FeedOption::Zone, FeedOption::NameServer],
    required: &[FeedOption::Zone, FeedOption::NameServer],
    ..Feed::new(
        "bind",
        "BIND and other DNS servers: a zone file with A and AAAA records. Its serial number is the number \
         of the last change of the inventory.",
        |request: &FeedRequest| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let settings = &request.settings;
            let (zone, name_server) = (text(&settings.zone), text(&settings.name_server));
            Box::new(Zone { zone, name_server })
        },
    )
};

struct Dnsmasq {
    zone: Option<String>,
    reservations: bool,
}

impl FeedWriter for Dnsmasq {
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let address = host.ip()?;
        let name = host.host;
        put!(out, "# {}\n", line(host.name));
        match &self.zone {
            Some(zone) => put!(out, "host-record={name}.{zone},{name},{address}\n"),
            None => put!(out, "host-record={name},{address}\n"),
        }
        if self.reservations
            && let Ok(mac) = host.mac()
        {
            match address {
                IpAddr::V4(address) => put!(out, "dhcp-host={mac},{address},{name}\n"),
                IpAddr::V6(address) => put!(out, "dhcp-host={mac},[{address}],{name}\n"),
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        end.report.write_comment(out.bytes(), "#");
    }
}

struct Zone {
    zone: String,
    name_server: String,
}

impl FeedWriter for Zone {
    /// The times are in seconds: of caches, and of secondary servers (RFC 1912, section 2.2).
    fn begin(&mut self, out: &mut Vec<u8>, version: u64) {
        let Self { zone, name_server } = self;
        // Serial numbers have 32 bits, and start again after the last (RFC 1982).
        let serial = version % (1 << u32::BITS);
        put!(out, "$ORIGIN {zone}.\n$TTL 3600\n");
        put!(out, "@ IN SOA {name_server}. hostmaster.{zone}. {serial} 3600 900 1209600 300\n");
        put!(out, "@ IN NS {name_server}.\n");
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let address = host.ip()?;
        let type_ = if address.is_ipv4() { "A" } else { "AAAA" };
        put!(out, "{} IN {type_} {address} ; {}\n", host.host, line(host.name));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        end.report.write_comment(out.bytes(), ";");
    }
}
