//! Reservations of DHCP servers: Kea and ISC DHCP.
//!
//! Sources: "Host Reservation in DHCPv4" of Kea's manual, and dhcpd.conf(5).

use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;

use super::text::{line, put};
use crate::feeds::{
    feed::{Feed, FeedRequest, JSON},
    option::FeedOption,
    parameters::Subnet,
    report::LeftOut,
    shown,
    writer::{End, FeedWriter, Host, Output},
};

pub(in crate::feeds) const KEA: Feed = Feed {
    media_type: JSON,
    options: &[FeedOption::Mac, FeedOption::Subnet],
    required: &[FeedOption::Mac, FeedOption::Subnet],
    ..Feed::new(
        "kea",
        "Kea DHCP: a configuration of kea-dhcp4 with the reservations of one subnet.",
        |request: &FeedRequest| Box::new(Kea { subnet: request.settings.subnet, reservations: 0 }),
    )
};

pub(in crate::feeds) const DHCPD: Feed = Feed {
    options: &[FeedOption::Mac],
    required: &[FeedOption::Mac],
    ..Feed::new(
        "dhcpd",
        "ISC DHCP: a file for include of dhcpd.conf with a host declaration for each device with a MAC \
         address.",
        |_: &FeedRequest| Box::new(Dhcpd),
    )
};

/// Returns the IPv4 address of a host.
fn ipv4(host: &Host<'_>) -> Result<Ipv4Addr, LeftOut> {
    match host.ip()? {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(LeftOut::WrongAddress),
    }
}

struct Kea {
    subnet: Option<Subnet>,
    reservations: u64,
}

impl FeedWriter for Kea {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        let subnet = self.subnet.map(|subnet| format!("{}/{}", subnet.address, subnet.prefix));
        put!(
            out,
            "{{\"Dhcp4\": {{\"subnet4\": [{{\"id\": 1, \"subnet\": \"{}\", \"reservations\": [",
            subnet.unwrap_or_default()
        );
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let address = ipv4(host)?;
        let mac = host.mac()?;
        if !self.subnet.is_some_and(|subnet| subnet.contains(address)) {
            return Err(LeftOut::OutsideSubnet);
        }
        if self.reservations > 0 {
            out.extend_from_slice(b",\n");
        }
        self.reservations += 1;
        let reservation = json!({
            "hw-address": mac,
            "ip-address": address,
            "hostname": host.host,
            "user-context": {"satchel_name": host.name},
        });
        shown::json(out, &reservation);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        out.bytes().extend_from_slice(b"]}]}}\n");
    }
}

struct Dhcpd;

impl FeedWriter for Dhcpd {
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        let address = ipv4(host)?;
        let mac = host.mac()?;
        put!(out, "# {}\nhost {} {{\n", line(host.name), host.host);
        put!(out, "  hardware ethernet {mac};\n  fixed-address {address};\n}}\n");
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, end: &End<'_>) {
        end.report.write_comment(out.bytes(), "#");
    }
}
