//! The groups of devices: by the values of properties, by pools and by networks.
//!
//! A group is named after the property and the value, by the rule of the target: `location_lisbon`.
//! Values that become the same name are different groups with numbers, in the order of the devices'
//! names. Each group keeps its value beside its name.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{
    error::FeedError,
    shown,
    slug::{identifier, slug},
};
use crate::{
    inventory::{Flow, Inventory},
    model::{Kind, View},
};

/// The relations whose records are groups: the name of the relation, the kind that lists members, and
/// the property with the members.
const RELATIONS: [(&str, Kind, &str); 2] =
    [("pools", Kind::Pool, "devices"), ("networks", Kind::Network, "nodes")];

/// The rule for the names of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupNames {
    /// Letters, digits and `_`.
    Identifiers,
    /// Letters, digits and `-`.
    Slugs,
}

impl GroupNames {
    fn name(self, property: &str, value: &str) -> String {
        let (name, separator) = match self {
            Self::Identifiers => (identifier as fn(&str) -> String, '_'),
            Self::Slugs => (slug as fn(&str) -> String, '-'),
        };
        let value = name(value);
        let property = name(property);
        let value = if value.is_empty() { "other" } else { &value };
        let property = if property.is_empty() { "property" } else { &property };
        // An identifier must not begin with a digit.
        let begin = if property.as_bytes()[0].is_ascii_digit() { "by_" } else { "" };
        format!("{begin}{property}{separator}{value}")
    }

    fn numbered(self, name: &str, number: u32) -> String {
        match self {
            Self::Identifiers => format!("{name}_{number}"),
            Self::Slugs => format!("{name}-{number}"),
        }
    }
}

/// One group.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) property: String,
    pub(super) value: String,
    /// The numbers of its hosts.
    members: Vec<u32>,
}

/// The groups of a feed, which are found while devices are read.
pub(super) struct Groups {
    rule: GroupNames,
    properties: Vec<String>,
    /// The pools and networks, as property and name.
    records: Vec<(usize, String)>,
    /// The records of each device.
    memberships: HashMap<String, Vec<u32>>,
    list: Vec<Group>,
    by_value: HashMap<(usize, String), u32>,
    names: HashSet<String>,
    hosts: HostList,
}

/// The names of all hosts, in one text.
#[derive(Default)]
struct HostList {
    text: String,
    ends: Vec<usize>,
}

impl HostList {
    fn push(&mut self, host: &str) -> u32 {
        self.text.push_str(host);
        self.ends.push(self.text.len());
        u32::try_from(self.ends.len() - 1).unwrap_or(u32::MAX)
    }

    fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[number]]
    }
}

impl Groups {
    /// Reads the pools and networks, if hosts are grouped by them.
    ///
    /// # Errors
    /// [`FeedError::Inventory`] if the inventory cannot be read.
    pub(super) fn read(
        inventory: &Inventory,
        rule: GroupNames,
        properties: &[String],
    ) -> Result<Self, FeedError> {
        let mut groups = Self {
            rule,
            properties: properties.to_vec(),
            records: Vec::new(),
            memberships: HashMap::new(),
            list: Vec::new(),
            by_value: HashMap::new(),
            names: HashSet::new(),
            hosts: HostList::default(),
        };
        for (index, property) in properties.iter().enumerate() {
            let relation = RELATIONS.iter().find(|(relation, ..)| relation == property);
            if let Some((_, kind, members)) = relation {
                groups.read_records(inventory, index, *kind, members)?;
            }
        }
        Ok(groups)
    }

    fn read_records(
        &mut self,
        inventory: &Inventory,
        index: usize,
        kind: Kind,
        members: &str,
    ) -> Result<(), FeedError> {
        let columns = ["name", members].map(str::to_owned);
        inventory.query_columns(kind, &[], &columns, &mut |row| {
            if let [(_, View::Text(name)), (_, View::Texts(members)), ..] = row.properties {
                let record = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
                self.records.push((index, (*name).to_owned()));
                for member in members {
                    match self.memberships.get_mut(*member) {
                        Some(records) => records.push(record),
                        None => {
                            self.memberships.insert((*member).to_owned(), vec![record]);
                        }
                    }
                }
            }
            Flow::Continue
        })?;
        Ok(())
    }

    /// The properties that are columns of a device.
    pub(super) fn columns(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_relation =
            |property: &str| RELATIONS.iter().any(|(relation, ..)| *relation == property);
        let columns = self.properties.iter().enumerate();
        columns
            .map(|(index, name)| (index, name.as_str()))
            .filter(move |(_, name)| !is_relation(name))
    }

    /// Returns the numbers of the groups of a device. `values` are those of
    /// [`columns`](Self::columns).
    pub(super) fn of_device<'v>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = (usize, &'v View<'v>)>,
    ) -> Vec<u32> {
        let mut numbers = Vec::new();
        for (index, view) in values {
            let value = shown::text(view);
            if !value.is_empty() {
                numbers.push(self.number(index, &value));
            }
        }
        for record in self.memberships.remove(name).unwrap_or_default() {
            let (index, value) = self.records[record as usize].clone();
            numbers.push(self.number(index, &value));
        }
        numbers
    }

    /// Adds a host to groups.
    pub(super) fn add(&mut self, host: &str, groups: &[u32]) {
        let number = self.hosts.push(host);
        for group in groups {
            self.list[*group as usize].members.push(number);
        }
    }

    /// The name of a group.
    pub(super) fn name(&self, number: u32) -> Cow<'_, str> {
        self.list[number as usize].name.as_str().into()
    }

    fn number(&mut self, index: usize, value: &str) -> u32 {
        let key = (index, value.to_owned());
        if let Some(number) = self.by_value.get(&key) {
            return *number;
        }
        let base = self.rule.name(&self.properties[index], value);
        let mut name = base.clone();
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = self.rule.numbered(&base, count);
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let property = self.properties[index].clone();
        self.list.push(Group { name, property, value: value.to_owned(), members: Vec::new() });
        self.by_value.insert(key, number);
        number
    }

    /// All groups that have a host.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.list.iter().filter(|group| !group.members.is_empty())
    }

    /// All hosts, also those without a group.
    pub(super) fn all_hosts(&self) -> impl Iterator<Item = &str> {
        let hosts = u32::try_from(self.hosts.ends.len()).unwrap_or(u32::MAX);
        (0..hosts).map(|number| self.hosts.get(number))
    }

    /// The hosts of a group.
    pub(super) fn hosts<'g>(&'g self, group: &'g Group) -> impl Iterator<Item = &'g str> {
        group.members.iter().map(|number| self.hosts.get(*number))
    }
}
