//! Findings of incoming records that do not prevent the import: names that indicate a secret, addresses
//! that are no IP addresses, and addresses that two devices share.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
};

use super::{ImportError, log::Log, scope::Scope, sorted_cursor::SortedCursor};
use crate::{
    disk::Sorter,
    model::{CustomValue, IpText, Kind, NoAddress, Record, View, can_be_secret, indicates_secret},
    wording::counted,
};

/// The number of custom property names of a kind that are remembered. A hostile document can have
/// any number; further names are examined each time.
const NAMES_REMEMBERED_MAX: usize = 1_000;

/// The number of properties or addresses that a report names.
const NAMED_MAX: usize = 20;

/// The number of records that a sentence names.
const RECORDS_NAMED_MAX: usize = 3;

/// The memory for the addresses of all devices, in bytes. Beyond it they are sorted on the disk.
const ADDRESSES_BYTES: usize = 16 << 20;

/// The number of existing devices with which a small import compares the addresses of its devices.
/// There is no index of addresses, so all devices must be read: 20,000 take about 50 ms.
const DEVICES_COMPARED_MAX: u64 = 20_000;

/// The longest address that is compared with others, in bytes. No IP address is longer.
const ADDRESS_BYTES_MAX: usize = 64;

/// The property of devices with an address.
const IP_ADDRESS: &str = "ip_address";

/// The number of devices whose address is not an IP address for one reason, and the first ones.
#[derive(Debug, Default)]
struct NoAddresses {
    devices: u64,
    first: Vec<String>,
}

/// Findings of the records of one kind.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The names of custom properties: true for a name that indicates a secret.
    names: HashMap<String, bool>,
    /// Custom properties that were encrypted because of their names, with the number of records.
    encrypted: BTreeMap<String, u64>,
    /// Custom properties that are not encrypted although their names indicate a secret, with the number of
    /// records.
    clear: BTreeMap<String, u64>,
    /// Devices whose address is not an IP address, by the reason.
    no_addresses: BTreeMap<NoAddress, NoAddresses>,
}

impl Findings {
    /// Examines a record.
    pub(super) fn examine(&mut self, record: &dyn Record) {
        for (property, value) in record.custom() {
            match value {
                CustomValue::Secret(_) => count(&mut self.encrypted, property),
                CustomValue::Shown(value) => {
                    if can_be_secret(value) && self.indicates_secret(property) {
                        count(&mut self.clear, property);
                    }
                }
            }
        }
        if record.kind() == Kind::Device
            && let Some(View::Text(text)) = record.view(IP_ADDRESS)
        {
            match IpText::parse(text) {
                IpText::Blank | IpText::Address(_) => {}
                IpText::WithPrefix { .. } | IpText::Other => self.add_no_address(record, text),
            }
        }
    }

    fn indicates_secret(&mut self, property: &str) -> bool {
        if let Some(says) = self.names.get(property) {
            return *says;
        }
        let says = indicates_secret(property);
        if self.names.len() < NAMES_REMEMBERED_MAX {
            self.names.insert(property.to_owned(), says);
        }
        says
    }

    fn add_no_address(&mut self, record: &dyn Record, text: &str) {
        let found = self.no_addresses.entry(NoAddress::of(text)).or_default();
        found.devices += 1;
        if found.first.len() < RECORDS_NAMED_MAX {
            let text: String = text.chars().take(ADDRESS_BYTES_MAX).collect();
            found.first.push(format!("'{text}' of '{}'", record.name()));
        }
    }

    /// Adds the warnings about the records of a kind.
    pub(super) fn warn(&self, kind: Kind, log: &Log) {
        for (property, count) in &self.encrypted {
            log.warn(format!(
                "the {kind} property '{property}' comes unencrypted, and its name indicates a secret. \
                 Satchel encrypts it and does not show it (in {})",
                counted(*count, "record")
            ));
        }
        for (property, count) in &self.clear {
            log.warn(format!(
                "the name of the {kind} property '{property}' indicates a secret, but the setting \
                 secret_properties does not contain it. It is not encrypted, and every user who can read \
                 the record sees it (in {})",
                counted(*count, "record")
            ));
        }
        for (reason, NoAddresses { devices, first }) in &self.no_addresses {
            let further = devices - first.len() as u64;
            let further = if further > 0 { format!(" and {further} more") } else { String::new() };
            log.warn(format!(
                "{IP_ADDRESS} is not an IP address in {} ({}{further}){reason}",
                counted(*devices, "device"),
                first.join(", ")
            ));
        }
    }
}

/// Counts a record with a property. Beyond [`NAMED_MAX`] properties it is not counted.
fn count(properties: &mut BTreeMap<String, u64>, property: &str) {
    if let Some(count) = properties.get_mut(property) {
        *count += 1;
    } else if properties.len() < NAMED_MAX {
        properties.insert(property.to_owned(), 1);
    }
}

/// Finds addresses that several devices have after an import.
pub(super) struct SharedAddresses {
    /// A key is an address and, after a zero byte, the name of a device. A value says whether the
    /// device is incoming.
    sorter: Sorter,
    /// True if an incoming device has an address.
    has_incoming: bool,
    /// True if the import gives a device another address.
    has_new: bool,
    /// True if the incoming devices are compared only with each other.
    is_partial: bool,
}

/// An address, and the devices that have it.
#[derive(Default)]
struct Sharing {
    address: Vec<u8>,
    devices: u64,
    first: Vec<String>,
    has_incoming: bool,
}

impl SharedAddresses {
    pub(super) fn new(scratch: &Path) -> Self {
        let sorter = Sorter::new(scratch, ADDRESSES_BYTES);
        Self { sorter, has_incoming: false, has_new: false, is_partial: false }
    }

    /// Adds the address of a device, with its state after the import.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the addresses cannot be sorted.
    pub(super) fn offer(
        &mut self,
        device: &dyn Record,
        is_incoming: bool,
    ) -> Result<(), ImportError> {
        let Some(View::Text(text)) = device.view(IP_ADDRESS) else { return Ok(()) };
        let mut key = match IpText::parse(text) {
            IpText::Address(address) => address.to_string().into_bytes(),
            IpText::Blank | IpText::WithPrefix { .. } | IpText::Other => return Ok(()),
        };
        key.push(0);
        key.extend_from_slice(device.name().as_bytes());
        self.has_incoming |= is_incoming;
        let pushed = self.sorter.push(&key, &[u8::from(is_incoming)]);
        pushed.map_err(ImportError::TemporaryFile)
    }

    /// Compares the address of an incoming device with the one that it has now.
    pub(super) fn note_new(&mut self, device: &dyn Record, existing: Option<&dyn Record>) {
        let before = existing.and_then(|existing| existing.view(IP_ADDRESS));
        self.has_new |= device.view(IP_ADDRESS) != before;
    }

    /// Takes the existing devices that are not incoming, after the incoming ones. If there are too
    /// many, adds a warning instead.
    ///
    /// # Errors
    /// [`ImportError::Store`] or [`ImportError::TemporaryFile`] if a device cannot be read.
    pub(super) fn offer_others(&mut self, scope: &Scope<'_>, log: &Log) -> Result<(), ImportError> {
        let devices = scope.existing_summary.kind(Kind::Device).count;
        if !self.has_incoming {
            return Ok(());
        }
        if devices > DEVICES_COMPARED_MAX {
            // The addresses that devices had before were compared when they were imported.
            self.is_partial = self.has_new;
            return Ok(());
        }
        let records = &scope.decoded.records[Kind::Device];
        let mut incoming = records.as_ref().map(SortedCursor::new);
        for entry in scope.existing.scan_raw(Kind::Device) {
            log.progress().check()?;
            let (name, raw) = entry?;
            let is_incoming = match &mut incoming {
                Some(incoming) => incoming.seek(&name)?,
                None => false,
            };
            if !is_incoming {
                self.offer(&*raw.record(Kind::Device, &name)?, false)?;
            }
        }
        Ok(())
    }

    /// Adds a warning for each address that an incoming device shares, for the first ones.
    pub(super) fn warn(self, log: &Log) -> io::Result<()> {
        if self.is_partial {
            log.warn(format!(
                "the addresses of the imported devices were compared with each other only: the \
                 inventory has more than {DEVICES_COMPARED_MAX} devices"
            ));
        }
        let sorted = self.sorter.finish()?;
        let mut reader = sorted.read();
        let mut sharing = Sharing::default();
        let mut shared = 0;
        while let Some((key, value)) = reader.next()? {
            let end = key.iter().position(|byte| *byte == 0).unwrap_or(key.len());
            if sharing.address != key[..end] {
                sharing.warn(&mut shared, log);
                sharing = Sharing { address: key[..end].to_owned(), ..Sharing::default() };
            }
            sharing.devices += 1;
            sharing.has_incoming |= value == [1];
            if sharing.first.len() < RECORDS_NAMED_MAX {
                let name = key.get(end + 1..).unwrap_or_default();
                sharing.first.push(format!("'{}'", String::from_utf8_lossy(name)));
            }
        }
        sharing.warn(&mut shared, log);
        if shared > NAMED_MAX as u64 {
            let further = counted(shared - NAMED_MAX as u64, "further address");
            log.warn(format!("{further} shared by several devices"));
        }
        Ok(())
    }
}

impl Sharing {
    /// Counts and warns if the address is shared.
    fn warn(&self, shared: &mut u64, log: &Log) {
        if self.devices < 2 || !self.has_incoming {
            return;
        }
        *shared += 1;
        if *shared > NAMED_MAX as u64 {
            return;
        }
        let further = self.devices - self.first.len() as u64;
        let further = if further > 0 { format!(" and {further} more") } else { String::new() };
        log.warn(format!(
            "the address {} is shared by {}: {}{further}",
            String::from_utf8_lossy(&self.address),
            counted(self.devices, "device"),
            self.first.join(", ")
        ));
    }
}
