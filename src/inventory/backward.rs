//! The words under which a record shows who names it.

use crate::model::{Entity, Kind, KindVisitor, PropertyType};

/// Whether `word` is one under which a record of this kind shows those that name it: a device's
/// `pools`. It is none where the kind holds a relation of its own under the word.
pub(super) fn is_backward_word(kind: Kind, word: &str) -> bool {
    let Some(other) =
        Kind::ALL.into_iter().find(|kind| word.strip_suffix('s') == Some(kind.as_str()))
    else {
        return false;
    };
    !kind.dispatch(Holds(word)) && other.dispatch(Names(kind))
}

/// Whether a kind has a property of this name.
struct Holds<'a>(&'a str);

impl KindVisitor for Holds<'_> {
    type Output = bool;

    fn visit<E: Entity>(self) -> bool {
        E::PROPERTIES.iter().any(|property| property.name == self.0)
    }
}

/// Whether a kind has a relation to this one.
struct Names(Kind);

impl KindVisitor for Names {
    type Output = bool;

    fn visit<E: Entity>(self) -> bool {
        E::PROPERTIES.iter().any(|property| match property.type_ {
            PropertyType::One(target) | PropertyType::Many(target) => {
                target.kinds().contains(&self.0)
            }
            PropertyType::Name
            | PropertyType::Text
            | PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::Secret => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_backward_when_others_name_the_kind_and_the_kind_does_not() {
        for word in ["pools", "links", "networks", "tasks", "services"] {
            assert!(is_backward_word(Kind::Device, word), "{word}");
        }
        assert!(is_backward_word(Kind::Service, "workflow_edges"));
        assert!(!is_backward_word(Kind::Device, "devices"), "a gateway's own list");
        assert!(!is_backward_word(Kind::Network, "nodes"));
        assert!(!is_backward_word(Kind::Device, "credentials"), "none names a device");
        assert!(!is_backward_word(Kind::Device, "pool"));
        assert!(!is_backward_word(Kind::Device, ""));
    }
}
