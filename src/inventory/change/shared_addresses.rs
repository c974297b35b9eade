//! Finds devices that share a new address with other devices.

use std::{collections::HashMap, net::IpAddr};

use memchr::memmem;

use super::{plan::address, warning::Warning};
use crate::{
    access::{RecordAccess, RecordRights, Verdict},
    model::Kind,
    store::{Raw, Store, StoreError},
    wording::Chain,
};

/// The number of existing devices that are compared. A change must not become slower with the size
/// of the inventory. They take some milliseconds; an import compares all devices.
const DEVICES_COMPARED_MAX: usize = 10_000;

/// The number of addresses that are sought in the bytes of a record before it is decoded.
const SOUGHT_IN_BYTES_MAX: usize = 8;

/// The number of devices that a warning names.
const DEVICES_NAMED_MAX: usize = 3;

/// Returns a warning for each new address that another device has too. Reads a view of the inventory
/// after the change, without the write lock.
/// Devices that the principal cannot read are left out.
pub(super) fn warnings(
    store: &Store,
    rights: &RecordRights,
    new: &[(String, IpAddr)],
) -> Vec<Warning> {
    let mut sharing: HashMap<IpAddr, Vec<&str>> = HashMap::new();
    for (name, address) in new {
        sharing.entry(*address).or_default().push(name);
    }
    if sharing.is_empty() {
        return Vec::new();
    }
    let others = match others(store, rights, &sharing) {
        Ok(others) => others,
        // The change is stored, and only a warning is missing.
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "Cannot compare the addresses of devices.");
            Vec::new()
        }
    };
    let mut by_address: HashMap<IpAddr, Vec<String>> = sharing
        .into_iter()
        .map(|(address, names)| (address, names.into_iter().map(str::to_owned).collect()))
        .collect();
    for (address, name) in others {
        by_address.entry(address).or_default().push(name);
    }
    let shared = by_address.into_iter().filter_map(|(address, mut names)| {
        names.sort_unstable();
        names.dedup();
        let devices = names.len() as u64;
        names.truncate(DEVICES_NAMED_MAX);
        let first = names.into_iter().map(|name| format!("'{name}'")).collect();
        (devices > 1).then_some(Warning::SharedAddress { address, devices, first })
    });
    shared.collect()
}

/// The existing devices that have one of the addresses.
fn others(
    store: &Store,
    rights: &RecordRights,
    sought: &HashMap<IpAddr, Vec<&str>>,
) -> Result<Vec<(IpAddr, String)>, StoreError> {
    let filter = ByteFilter::of(sought.keys());
    let mut found = Vec::new();
    let view = store.read();
    for entry in view.scan_raw(Kind::Device).take(DEVICES_COMPARED_MAX) {
        let (name, raw) = entry?;
        if !filter.may_have(&raw) {
            continue;
        }
        let device = raw.record(Kind::Device, &name)?;
        if rights.of_record(RecordAccess::Read, &*device) != Verdict::Granted {
            continue;
        }
        if let Some(address) = address(&*device).filter(|address| sought.contains_key(address)) {
            found.push((address, device.name().to_string()));
        }
    }
    Ok(found)
}

/// Passes over records that cannot have one of a few addresses, because decoding takes longer.
enum ByteFilter {
    Texts(Vec<memmem::Finder<'static>>),
    /// There are many addresses, or an address of IPv6, which has several spellings.
    None,
}

impl ByteFilter {
    fn of<'a>(addresses: impl ExactSizeIterator<Item = &'a IpAddr>) -> Self {
        if addresses.len() > SOUGHT_IN_BYTES_MAX {
            return Self::None;
        }
        let finders = addresses.map(|address| {
            let text = address.is_ipv4().then(|| address.to_string())?;
            Some(memmem::Finder::new(text.as_bytes()).into_owned())
        });
        finders.collect::<Option<Vec<_>>>().map_or(Self::None, Self::Texts)
    }

    fn may_have(&self, raw: &Raw) -> bool {
        match self {
            Self::Texts(finders) => finders.iter().any(|text| text.find(raw.body()).is_some()),
            Self::None => true,
        }
    }
}
