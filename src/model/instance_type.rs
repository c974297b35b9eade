//! The words for instances in paths and searches: kinds, eNMS's exact types, and eNMS's node.

use std::str::FromStr;

use super::{Kind, Target, UnknownKind};

/// The instances that a word in a path or a search selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceType {
    /// All instances of a kind.
    Kind(Kind),
    /// The instances of a kind whose `type` is this word, such as `router`.
    Exact {
        /// The kind.
        kind: Kind,
        /// The value of `type`.
        word: String,
    },
    /// eNMS's `node`: all devices and networks.
    Node,
}

/// eNMS's word for devices and networks.
const NODE: &str = "node";

/// The exact types of eNMS 4.6 that are not the word of a kind, without those of services.
const EXACT_TYPES: [(&str, Kind); 4] = [
    ("ethernet_link", Kind::Link),
    ("folder", Kind::File),
    ("gateway", Kind::Device),
    ("router", Kind::Device),
];

/// The type of a service that is a workflow.
const WORKFLOW: &str = "workflow";

/// The end of the exact types of all other services: `netmiko_commands_service`. The types that a
/// site adds to eNMS end in it too, because eNMS recognises a service by it.
const SERVICE_SUFFIX: &str = "_service";

impl InstanceType {
    /// The kinds of the instances: one, or the two kinds of nodes.
    pub fn kinds(&self) -> &'static [Kind] {
        match self {
            Self::Kind(kind) | Self::Exact { kind, .. } => Target::Kind(*kind).kinds(),
            Self::Node => Target::Node.kinds(),
        }
    }

    /// The value that `type` must have; `None` for every value.
    pub fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact { word, .. } => Some(word),
            Self::Kind(_) | Self::Node => None,
        }
    }

    /// Returns whether a value of `type` is known to eNMS 4.6 for records of this kind.
    pub fn is_known(kind: Kind, word: &str) -> bool {
        match word.parse() {
            Ok(Self::Kind(known)) => known == kind,
            Ok(Self::Exact { kind: known, .. }) => known == kind,
            Ok(Self::Node) | Err(_) => false,
        }
    }
}

impl From<Kind> for InstanceType {
    fn from(kind: Kind) -> Self {
        Self::Kind(kind)
    }
}

impl FromStr for InstanceType {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        if word == NODE {
            return Ok(Self::Node);
        }
        let exact = EXACT_TYPES.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
        let is_service = || word == WORKFLOW || word.ends_with(SERVICE_SUFFIX);
        match exact.or_else(|| is_service().then_some(Kind::Service)) {
            Some(kind) => Ok(Self::Exact { kind, word: word.to_owned() }),
            None => word.parse().map(Self::Kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_enms_are_kinds_and_types() {
        let parse = |word: &str| word.parse::<InstanceType>();
        for kind in Kind::ALL {
            assert_eq!(parse(kind.as_str()), Ok(kind.into()));
            assert!(InstanceType::is_known(kind, kind.as_str()));
        }
        for (word, kind) in [
            ("router", Kind::Device),
            ("gateway", Kind::Device),
            ("ethernet_link", Kind::Link),
            ("folder", Kind::File),
            ("workflow", Kind::Service),
            ("netmiko_commands_service", Kind::Service),
            ("our_own_service", Kind::Service),
        ] {
            let found = parse(word).unwrap();
            assert_eq!((found.kinds(), found.exact()), (&[kind][..], Some(word)));
            assert!(InstanceType::is_known(kind, word));
        }
        let node = parse("node").unwrap();
        assert_eq!((node.kinds(), node.exact()), (&[Kind::Device, Kind::Network][..], None));
        assert!(!InstanceType::is_known(Kind::Device, "workflow"));
        assert!(!InstanceType::is_known(Kind::Device, "firewall"));
        assert_eq!(parse("divice").unwrap_err().nearest, Some(Kind::Device));
    }
}
