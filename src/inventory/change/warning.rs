//! Warnings about objects that were accepted. Equal warnings are grouped.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use super::special_members::{NEW_NAME, REMOVE};
use crate::model::{Difference, EnmsLoss, InverseRelations, Kind, NoAddress, nearest};
use crate::wording::counted;

/// The largest number of unknown property names of one request that are compared with the known
/// ones. A comparison takes about ten microseconds, and a hostile body can contain a million names.
const NAMES_COMPARED_MAX: usize = 1_000;

/// The most different warnings of one answer. A hostile body can hold a million names.
const WARNINGS_MAX: usize = 2_000;

/// A difference between the change and what the caller might have meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::inventory) enum Warning {
    /// An unknown property was stored as a custom one, and its name resembles a known one.
    ResemblesKnown { property: String, nearest: &'static str },
    /// A custom property was encrypted because of its name.
    Encrypted { property: String },
    /// A custom property was stored unencrypted whose name indicates a secret.
    SaysSecret { property: String },
    /// The address of a device is not an IP address.
    NotAnAddress { reason: NoAddress },
    /// eNMS cannot import a part of the record.
    Loss { kind: Kind, loss: EnmsLoss },
    /// A device lists another device as its gateway that is no gateway.
    NoGateway { gateway: String },
    /// Several devices have the address. The names of the first ones.
    SharedAddress { address: IpAddr, devices: u64, first: Vec<String> },
    /// A new record has a name that looks like the name of another record.
    LooksLike { kind: Kind, new: String, existing: String, difference: Difference },
    /// A computed property was sent.
    ComputedProperty { property: String },
    /// The record does not have the unknown property to remove, whose name resembles a known one.
    NothingToRemove { property: String, nearest: &'static str },
    /// Links were sent as a list of a device or network, which does not contain the end of each link.
    EndsOfLinks { property: &'static str },
    /// The members of a computed pool were sent.
    ComputedMembers { property: &'static str },
    /// A relation was sent under two names with different records. The list that changes nothing was
    /// ignored.
    TwoNames { ignored: &'static str, used: &'static str },
}

/// Warnings, with the number of objects that caused each.
#[derive(Default)]
pub(in crate::inventory) struct Warnings(BTreeMap<Warning, u64>);

impl Warnings {
    /// Adds a warning about one object. Beyond [`WARNINGS_MAX`] different ones it is dropped.
    pub(super) fn push(&mut self, warning: Warning) {
        if let Some(count) = self.0.get_mut(&warning) {
            *count += 1;
        } else if self.0.len() < WARNINGS_MAX {
            self.0.insert(warning, 1);
        }
    }

    /// The warnings as sentences.
    pub(super) fn sentences(&self) -> Vec<String> {
        let objects = |count: u64| counted(count, "object");
        let sentence = |(warning, count): (&Warning, &u64)| match warning {
            Warning::ResemblesKnown { property, nearest } => format!(
                "Unknown property '{property}' saved as a custom property (in {}). Did you mean \
                 '{nearest}'?",
                objects(*count)
            ),
            Warning::Encrypted { property } => format!(
                "'{property}' is encrypted and not shown, because its name indicates a secret (in {}). \
                 The setting secret_properties has the names",
                objects(*count)
            ),
            Warning::SaysSecret { property } => format!(
                "The name of '{property}' indicates a secret, but the setting secret_properties does not \
                 contain it. It is not encrypted, and every user who can read the record sees it (in {})",
                objects(*count)
            ),
            Warning::NotAnAddress { reason } => format!(
                "'ip_address' is not an IP address (in {}){reason}. It was saved as it is",
                objects(*count)
            ),
            Warning::LooksLike { kind, new, existing, difference } => format!(
                "The new name '{new}' of type {kind} looks like the existing '{existing}'. They differ \
                 {difference}, and are two records. If they mean one, correct the name"
            ),
            Warning::Loss { kind, loss: EnmsLoss::UnknownType(word) } => format!(
                "The {kind} type '{word}' is unknown to eNMS, which would refuse the record (in {})",
                objects(*count)
            ),
            Warning::Loss { loss: EnmsLoss::ServiceWithoutType, .. } => {
                format!("A service without a type cannot be run by eNMS (in {})", objects(*count))
            }
            Warning::Loss { loss: EnmsLoss::FileName, .. } => format!(
                "The name of a file must be its path with '>' for '/', or eNMS would rename or refuse \
                 it (in {})",
                objects(*count)
            ),
            Warning::Loss { loss: EnmsLoss::DevicesOfNoGateway, .. } => format!(
                "'devices' of a device whose type is not 'gateway' would be dropped by eNMS (in {})",
                objects(*count)
            ),
            Warning::NoGateway { gateway } => format!(
                "The type of '{gateway}' is not 'gateway', so eNMS would drop it from 'gateways' (in \
                 {})",
                objects(*count)
            ),
            Warning::SharedAddress { address, devices, first } => {
                let further = devices - first.len() as u64;
                let further =
                    if further > 0 { format!(" and {further} more") } else { String::new() };
                let devices = counted(*devices, "device");
                format!(
                    "The address {address} is shared by {devices}: {}{further}",
                    first.join(", ")
                )
            }
            Warning::ComputedProperty { property } => format!(
                "'{property}' is computed, not stored, and was ignored (in {})",
                objects(*count)
            ),
            Warning::EndsOfLinks { property } => format!(
                "'{property}' was ignored (in {}): a link has two ends. Set 'source' or 'destination' \
                 of the link",
                objects(*count)
            ),
            Warning::ComputedMembers { property: property @ "pools" } => format!(
                "Computed pools in '{property}' were ignored (in {}): their members are computed from \
                 their criteria unless 'manually_defined' of the pool is true",
                objects(*count)
            ),
            Warning::NothingToRemove { property, nearest } => format!(
                "No property '{property}' to remove (in {}). Did you mean '{nearest}'?",
                objects(*count)
            ),
            Warning::TwoNames { ignored, used } => format!(
                "'{ignored}' and '{used}' are two names of one relation, and their lists differ (in \
                 {}). '{ignored}' contains the records that the relation had before, so '{used}' was \
                 used. Send one of them",
                objects(*count)
            ),
            Warning::ComputedMembers { property } => format!(
                "'{property}' was ignored (in {}): the members of a pool are computed from its \
                 criteria unless 'manually_defined' is true",
                objects(*count)
            ),
        };
        self.0.iter().map(sentence).collect()
    }
}

/// The known properties that unknown names resemble, each name looked up once in a request.
#[derive(Default)]
pub(in crate::inventory) struct Nearest(HashMap<String, Option<&'static str>>);

impl Nearest {
    /// The property of a kind that a name resembles.
    pub(super) fn of(&mut self, kind: Kind, name: &str) -> Option<&'static str> {
        if let Some(known) = self.0.get(name) {
            return *known;
        }
        if self.0.len() >= NAMES_COMPARED_MAX {
            return None;
        }
        let near = relation_to_kinds(kind, name).or_else(|| nearest(name, known_members(kind)));
        self.0.insert(name.to_owned(), near);
        near
    }
}

/// Returns the relation of a kind to records of another kind, if the name is the plural of that kind: the
/// nodes of a network are not `devices`. `None` if several relations have this target.
fn relation_to_kinds(kind: Kind, name: &str) -> Option<&'static str> {
    let target: Kind = name.strip_suffix('s')?.parse().ok()?;
    let mut relations = kind.properties().iter().filter(|property| {
        let relation = property.type_.relation();
        relation.is_some_and(|(_, to)| to.kinds().contains(&target))
    });
    let first = relations.next()?;
    relations.next().is_none().then_some(first.name)
}

/// The members of an object of a kind: its properties, its relations from either side under our
/// names and eNMS's, and the instructions.
fn known_members(kind: Kind) -> impl Iterator<Item = &'static str> {
    let inverse = InverseRelations::of(kind);
    let relations = inverse.relations.iter().chain(&inverse.enms);
    let properties = kind.properties().iter().map(|property| property.name);
    properties.chain(relations.map(|relation| relation.name.as_str())).chain([NEW_NAME, REMOVE])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_warnings_are_grouped_into_one_sentence() {
        let mut warnings = Warnings::default();
        let near =
            Warning::ResemblesKnown { property: "ip_adress".to_owned(), nearest: "ip_address" };
        warnings.push(near.clone());
        warnings.push(Warning::ComputedProperty { property: "pools".to_owned() });
        warnings.push(near);
        let sentences = warnings.sentences();
        assert_eq!(sentences.len(), 2);
        assert!(sentences[0].contains("'ip_adress'") && sentences[0].contains("(in 2 objects)"));
        assert!(sentences[0].contains("Did you mean 'ip_address'?"));
        assert!(sentences[1].contains("'pools'") && sentences[1].contains("(in 1 object)"));
    }

    #[test]
    fn the_number_of_compared_names_is_limited() {
        let mut nearest = Nearest::default();
        for number in 0..NAMES_COMPARED_MAX {
            assert_eq!(nearest.of(Kind::Device, &format!("é>b {number}")), None);
        }
        assert_eq!(nearest.of(Kind::Device, "vendr"), None);
        assert_eq!(Nearest::default().of(Kind::Device, "vendr"), Some("vendor"));
    }

    #[test]
    fn misspelt_relations_and_instructions_have_a_suggestion() {
        assert_eq!(Nearest::default().of(Kind::Network, "devices"), Some("nodes"));
        for (slip, known) in [
            ("target_servics", "target_services"),
            ("Pools", "pools"),
            ("Remove", "remove"),
            ("removed", "remove"),
            ("new-name", "new_name"),
        ] {
            assert_eq!(Nearest::default().of(Kind::Device, slip), Some(known), "{slip}");
        }
        for word in ["site", "rack", "move", "ip"] {
            assert_eq!(Nearest::default().of(Kind::Device, word), None, "{word}");
        }
    }
}
