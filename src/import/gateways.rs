//! Finds devices that are listed as gateways and are no gateways.

use std::path::Path;

use super::{ImportError, log::Log, pairs::Reading, scope::Scope};
use crate::{
    disk::Sorter,
    model::{Kind, Record, View, is_gateway},
    wording::counted,
};

/// The memory for the gateways of all devices, in bytes. Beyond it they are sorted on the disk.
const GATEWAYS_BYTES: usize = 16 << 20;

/// The number of devices that a report names.
const NAMED_MAX: u64 = 20;

/// The number of devices with the gateway that a sentence names.
const REFERRERS_NAMED_MAX: usize = 3;

/// Ends a name in a key. No name contains it.
const END: u8 = 0;

/// The devices that are gateways, and the lists `gateways` of incoming devices.
pub(super) struct Gateways {
    /// A key is a name, [`END`], and the name of a device that lists it as a gateway. Without the last
    /// part, the value says whether the device of that name is a gateway.
    sorter: Sorter,
}

/// A device that is listed as a gateway.
#[derive(Default)]
struct Listed {
    name: Vec<u8>,
    /// `None` if the device was not offered.
    is_gateway: Option<bool>,
    referrers: u64,
    first: Vec<String>,
}

impl Gateways {
    pub(super) fn new(scratch: &Path) -> Self {
        Self { sorter: Sorter::new(scratch, GATEWAYS_BYTES) }
    }

    /// Takes a device as it is after the import.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the names cannot be sorted.
    pub(super) fn offer(
        &mut self,
        device: &dyn Record,
        is_incoming: bool,
    ) -> Result<(), ImportError> {
        let name = device.name().as_bytes();
        let is_gateway = is_gateway(device);
        if is_gateway || is_incoming {
            self.push(&[name, &[END]].concat(), &[u8::from(is_gateway)])?;
        }
        if is_incoming && let Some(View::Texts(gateways)) = device.view("gateways") {
            for gateway in gateways {
                self.push(&[gateway.as_bytes(), &[END], name].concat(), &[])?;
            }
        }
        Ok(())
    }

    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), ImportError> {
        self.sorter.push(key, value).map_err(ImportError::TemporaryFile)
    }

    /// Adds a warning for each device that is listed and is no gateway, for the first ones. `reading`
    /// is the way in which the devices were read.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] or [`ImportError::Store`] if a device cannot be read.
    pub(super) fn warn(
        self,
        reading: Reading,
        scope: &Scope<'_>,
        log: &Log,
    ) -> Result<(), ImportError> {
        let sorted = self.sorter.finish().map_err(ImportError::TemporaryFile)?;
        let mut reader = sorted.read();
        let mut listed = Listed::default();
        let mut found = 0;
        while let Some((key, value)) = reader.next().map_err(ImportError::TemporaryFile)? {
            let end = key.iter().position(|byte| *byte == END).unwrap_or(key.len());
            if listed.name != key[..end] {
                listed.warn(reading, scope, &mut found, log)?;
                listed = Listed { name: key[..end].to_owned(), ..Listed::default() };
            }
            let referrer = key.get(end + 1..).unwrap_or_default();
            if referrer.is_empty() {
                listed.is_gateway = Some(value == [1]);
                continue;
            }
            listed.referrers += 1;
            if listed.first.len() < REFERRERS_NAMED_MAX {
                listed.first.push(format!("'{}'", String::from_utf8_lossy(referrer)));
            }
        }
        listed.warn(reading, scope, &mut found, log)?;
        if found > NAMED_MAX {
            let further = counted(found - NAMED_MAX, "further device");
            log.warn(format!("{further} listed as gateways without the type 'gateway'"));
        }
        Ok(())
    }
}

impl Listed {
    /// Counts and warns if the device is no gateway.
    fn warn(
        &self,
        reading: Reading,
        scope: &Scope<'_>,
        found: &mut u64,
        log: &Log,
    ) -> Result<(), ImportError> {
        if self.referrers == 0 || self.is_gateway(reading, scope)? {
            return Ok(());
        }
        *found += 1;
        if *found > NAMED_MAX {
            return Ok(());
        }
        let further = self.referrers - self.first.len() as u64;
        let further = if further > 0 { format!(" and {further} more") } else { String::new() };
        log.warn(format!(
            "the type of '{}' is not 'gateway', so eNMS would drop it from the 'gateways' of {}: {}{further}",
            String::from_utf8_lossy(&self.name),
            counted(self.referrers, "device"),
            self.first.join(", ")
        ));
        Ok(())
    }

    /// Returns whether the device is a gateway. A lookup has read incoming devices only, so that an
    /// existing one is looked up. That takes no longer than the check of the reference before.
    fn is_gateway(&self, reading: Reading, scope: &Scope<'_>) -> Result<bool, ImportError> {
        match (self.is_gateway, reading) {
            (Some(is_gateway), _) => Ok(is_gateway),
            (None, Reading::Walk) => Ok(false),
            (None, Reading::Lookup) => {
                let name = String::from_utf8_lossy(&self.name);
                let device = scope.existing.get_any(Kind::Device, &name)?;
                Ok(device.is_some_and(|device| is_gateway(&*device.record)))
            }
        }
    }
}
