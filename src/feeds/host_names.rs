//! The names of devices and networks by the rule of a feed.
//!
//! Two names can become the same slug. Then the oldest record has the slug, and the others a number
//! behind it, in the order in which they were created. The numbers do not depend on the filters of a
//! request, so a host has the same name in every feed, and keeps it when a record is added.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use super::{
    address::Address,
    error::FeedError,
    parameters::NameRule,
    report::LeftOut,
    slug::{numbered, slug},
};
use crate::{
    inventory::{Flow, Inventory, RowState},
    model::{Kind, View},
};

/// The host name of a record whose name has no letter or digit of a host name.
const NAMELESS: [(Kind, &str); 2] = [(Kind::Device, "device"), (Kind::Network, "network")];

/// The names of hosts that differ from the rule.
pub(super) struct HostNames {
    rule: NameRule,
    /// The slugs with numbers, by kind and name.
    numbered: HashMap<(Kind, String), String>,
    /// The devices whose address an older one has.
    taken: HashSet<String>,
}

impl HostNames {
    /// Reads the names that the principal can see.
    ///
    /// # Errors
    /// [`FeedError::Inventory`] if the inventory cannot be read.
    pub(super) fn read(
        inventory: &Inventory,
        rule: NameRule,
        kinds: &[Kind],
        filters: &[(String, String)],
    ) -> Result<Self, FeedError> {
        let mut names = Self { rule, numbered: HashMap::new(), taken: HashSet::new() };
        match rule {
            NameRule::Name => {}
            NameRule::Slug => names.read_slugs(inventory, kinds)?,
            NameRule::Ip => names.read_addresses(inventory, filters)?,
        }
        Ok(names)
    }

    /// Finds the slugs that occur more than once. Slugs are compared by their hashes first, because
    /// most inventories have no equal ones.
    fn read_slugs(&mut self, inventory: &Inventory, kinds: &[Kind]) -> Result<(), FeedError> {
        let mut hashes: Vec<u64> = Vec::new();
        for kind in kinds {
            each_name(inventory, *kind, |_, name| hashes.push(hash(&base(*kind, name))))?;
        }
        hashes.sort_unstable();
        let repeated: HashSet<u64> =
            hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        if repeated.is_empty() {
            return Ok(());
        }
        let mut same: Vec<(String, Kind, u64, String)> = Vec::new();
        for kind in kinds {
            each_name(inventory, *kind, |ordinal, name| {
                let slug = base(*kind, name);
                if repeated.contains(&hash(&slug)) {
                    same.push((slug, *kind, ordinal, name.to_owned()));
                }
            })?;
        }
        let rank = |kind: Kind| kinds.iter().position(|known| *known == kind);
        same.sort_by(|a, b| (&a.0, rank(a.1), a.2).cmp(&(&b.0, rank(b.1), b.2)));
        let mut given = HashSet::new();
        let mut number = 1;
        let mut last = String::new();
        for (slug, kind, _, name) in same {
            if slug != last {
                number = 1;
                last.clone_from(&slug);
                continue;
            }
            let free = loop {
                number += 1;
                let candidate = numbered(&slug, number);
                let is_free = hashes.binary_search(&hash(&candidate)).is_err();
                if is_free && given.insert(candidate.clone()) {
                    break candidate;
                }
            };
            self.numbered.insert((kind, name), free);
        }
        Ok(())
    }

    /// Finds the devices whose address an older device of the selection has.
    fn read_addresses(
        &mut self,
        inventory: &Inventory,
        filters: &[(String, String)],
    ) -> Result<(), FeedError> {
        let columns = ["name", "ip_address"].map(str::to_owned);
        let mut found: Vec<(IpAddr, u64, String)> = Vec::new();
        inventory.query_columns(Kind::Device, filters, &columns, &mut |row| {
            if let [(_, View::Text(name)), (_, View::Text(text)), ..] = row.properties
                && let Address::Ip(address) = Address::parse(text)
            {
                found.push((address, row.ordinal, (*name).to_owned()));
            }
            Flow::Continue
        })?;
        found.sort_unstable();
        let mut last = None;
        for (address, _, name) in found {
            if last.replace(address) == Some(address) {
                self.taken.insert(name);
            }
        }
        Ok(())
    }

    /// Returns the name of a device by the rule.
    ///
    /// # Errors
    /// The reason why the device has no name by the rule.
    pub(super) fn host<'h>(
        &'h self,
        name: &'h str,
        address: Address<'_>,
    ) -> Result<Cow<'h, str>, LeftOut> {
        match (self.rule, address) {
            (NameRule::Name | NameRule::Slug, _) => Ok(self.node(Kind::Device, name)),
            (NameRule::Ip, Address::Ip(_)) if self.taken.contains(name) => {
                Err(LeftOut::AddressTaken)
            }
            (NameRule::Ip, Address::Ip(address)) => Ok(address.to_string().into()),
            (NameRule::Ip, Address::None) => Err(LeftOut::NoAddress),
            (NameRule::Ip, Address::Other(_)) => Err(LeftOut::WrongAddress),
        }
    }

    /// Returns the name of a device or network in a feed whose hosts are not named by addresses.
    pub(super) fn node<'h>(&'h self, kind: Kind, name: &'h str) -> Cow<'h, str> {
        if self.rule != NameRule::Slug {
            return name.into();
        }
        // Without equal names, no key is built for the lookup.
        let known = if self.numbered.is_empty() {
            None
        } else {
            self.numbered.get(&(kind, name.to_owned()))
        };
        known.map_or_else(|| base(kind, name).into(), |slug| slug.as_str().into())
    }

    /// Returns whether the host name of a device has a number.
    pub(super) fn is_numbered(&self, name: &str) -> bool {
        !self.numbered.is_empty() && self.numbered.contains_key(&(Kind::Device, name.to_owned()))
    }
}

/// Returns the slug of a name before it gets a number.
fn base(kind: Kind, name: &str) -> String {
    let slug = slug(name);
    if slug.is_empty() {
        let word = NAMELESS.iter().find(|(known, _)| *known == kind);
        return word.map_or("node", |(_, word)| word).to_owned();
    }
    slug
}

fn hash(text: &str) -> u64 {
    twox_hash::XxHash3_64::oneshot(text.as_bytes())
}

/// Calls `each` with the ordinal and the name of every record of a kind.
fn each_name(
    inventory: &Inventory,
    kind: Kind,
    mut each: impl FnMut(u64, &str),
) -> Result<(), FeedError> {
    inventory.query_columns(kind, &[], &["name".to_owned()], &mut |row| {
        if let (RowState::Read, [(_, View::Text(name)), ..]) = (row.state, row.properties) {
            each(row.ordinal, name);
        }
        Flow::Continue
    })?;
    Ok(())
}
