//! The report of a feed: the devices that are left out, and those whose names have a number.

use std::borrow::Cow;

use serde::Serialize;

/// The largest number of devices that a list of the report names, of about 100 bytes each. Totals
/// count all of them.
const LISTED_MAX: usize = 1000;

/// The reason why a device is not in a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// The device has no IP address.
    NoAddress,
    /// The property `ip_address` is not an IP address.
    WrongAddress,
    /// An older device has the same IP address, and the feed names hosts by their addresses.
    AddressTaken,
    /// The device has no MAC address, or its property is not one.
    NoMacAddress,
    /// The address is not in the subnet of the feed.
    OutsideSubnet,
    /// The record of the device is damaged.
    Damaged,
}

/// A device that is not in the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutDevice {
    /// The name of the device.
    pub name: String,
    /// The reason.
    pub reason: LeftOut,
}

/// A device whose host name has a number, because an older device has the same name by the rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NumberedDevice {
    /// The name of the device.
    pub name: String,
    /// Its name in the feed.
    pub host: String,
}

/// The report of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeedReport {
    /// The name of the feed.
    pub feed: Cow<'static, str>,
    /// The number of devices in the feed.
    pub hosts: u64,
    /// The number of links in the feed.
    pub links: u64,
    /// The number of selected devices that are not in the feed.
    pub left_out: u64,
    /// The first 1000 of them.
    pub left_out_devices: Vec<LeftOutDevice>,
    /// The number of devices whose host names have a number.
    pub numbered: u64,
    /// The first 1000 of them.
    pub numbered_devices: Vec<NumberedDevice>,
}

impl FeedReport {
    pub(super) fn leave_out(&mut self, name: &str, reason: LeftOut) {
        self.left_out += 1;
        if self.left_out_devices.len() < LISTED_MAX {
            self.left_out_devices.push(LeftOutDevice { name: name.to_owned(), reason });
        }
    }

    pub(super) fn number(&mut self, name: &str, host: &str) {
        self.numbered += 1;
        if self.numbered_devices.len() < LISTED_MAX {
            let device = NumberedDevice { name: name.to_owned(), host: host.to_owned() };
            self.numbered_devices.push(device);
        }
    }

    /// Appends the report as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        super::shown::json(out, self);
        out.push(b'\n');
    }

    /// Appends a line about the devices that are left out, for formats with comments. `mark` begins a
    /// comment.
    pub(super) fn write_comment(&self, out: &mut Vec<u8>, mark: &str) {
        if self.left_out > 0 {
            let devices = if self.left_out == 1 { "device is" } else { "devices are" };
            let line = format!(
                "{mark} {} {devices} left out. The option report=true lists them.\n",
                self.left_out
            );
            out.extend_from_slice(line.as_bytes());
        }
    }
}
