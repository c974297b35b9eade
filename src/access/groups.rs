//! The rights that groups grant to users who are not administrators.
//!
//! eNMS knows a user's rights from lists of requests in the user's groups (`get_requests`,
//! `post_requests`, `delete_requests`; `process_requests` in `eNMS/server.py` of eNMS 4.6). The three
//! built-in groups grant the usual rights without such lists.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::right::{Right, Rights};
use crate::model::{Any, Group, Value};

/// Tells who decides about the rights of users who are not administrators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RightsModel {
    /// Every login can read everything. Only administrators change anything.
    #[default]
    Login,
    /// The groups of the user, and the groups and owners of each record.
    Groups,
}

/// A group whose members have rights because of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltInGroup {
    /// Its members can read.
    Readers,
    /// Its members can also change and delete records.
    Editors,
    /// Its members can also import, export and back up.
    Operators,
}

impl BuiltInGroup {
    /// All built-in groups.
    pub const ALL: [Self; 3] = [Self::Readers, Self::Editors, Self::Operators];

    /// The name of the group.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Readers => "readers",
            Self::Editors => "editors",
            Self::Operators => "operators",
        }
    }

    /// Returns the built-in group of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// The rights of the members.
    pub const fn rights(self) -> Rights {
        match self {
            Self::Readers => Rights::of(&[Right::Public, Right::Read, Right::Feeds]),
            Self::Editors => {
                Rights::of(&[Right::Public, Right::Read, Right::Feeds, Right::Edit, Right::Delete])
            }
            Self::Operators => Rights::ALL.without(Right::Administer),
        }
    }
}

/// The requests that a user's groups list, as paths such as `/rest/instance`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestLists {
    get: HashSet<String>,
    post: HashSet<String>,
    delete: HashSet<String>,
}

impl RequestLists {
    /// The rights that a list can grant. eNMS reserves projects for administrators too.
    pub const GRANTED: Rights = Rights::of(&[Right::Read, Right::Edit, Right::Delete]);

    /// Adds the lists of a group.
    pub(super) fn add(&mut self, group: &Group) {
        for (list, property) in [
            (&mut self.get, &group.get_requests),
            (&mut self.post, &group.post_requests),
            (&mut self.delete, &group.delete_requests),
        ] {
            list.extend(texts(property));
        }
    }

    /// Returns whether there is no list.
    pub(super) fn is_empty(&self) -> bool {
        self.get.is_empty() && self.post.is_empty() && self.delete.is_empty()
    }

    /// Returns whether the groups list a request. `pattern` is the path of the route. As in eNMS, a
    /// list contains the first two segments of the path, so `/rest/instance` stands for
    /// `/rest/instance/{kind}/{name}`. eNMS has no PUT requests: a PUT is listed as a POST.
    pub fn contain(&self, method: &str, pattern: &str) -> bool {
        let list = match method {
            "GET" => &self.get,
            "POST" | "PUT" => &self.post,
            "DELETE" => &self.delete,
            _ => return false,
        };
        let end = pattern.match_indices('/').nth(2).map_or(pattern.len(), |(at, _)| at);
        list.contains(&pattern[..end])
    }
}

/// The texts of a list. A value of another type lists nothing.
pub(super) fn texts(property: &Any) -> impl Iterator<Item = String> {
    let items = match property.get().map(Value::plain) {
        Some(Value::List(items) | Value::Tuple(items)) => items.as_slice(),
        Some(_) | None => &[],
    };
    items.iter().filter_map(|item| item.plain().as_text().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Entity, Field, Name};

    fn lists() -> RequestLists {
        let mut group = Group::named(Name::parse("é>b 100%".to_owned()).unwrap());
        group.get_requests = Field::Set(Value::List(vec!["/rest/instance".into(), Value::Int(7)]));
        group.post_requests = Field::Set(Value::Tuple(vec!["/rest/configuration".into()]));
        group.delete_requests = Field::Set("/rest/instance".into());
        let mut lists = RequestLists::default();
        lists.add(&group);
        lists
    }

    #[test]
    fn a_list_contains_the_first_two_segments_of_a_path() {
        let lists = lists();
        assert!(lists.contain("GET", "/rest/instance"));
        assert!(lists.contain("GET", "/rest/instance/{kind}/{name}"));
        assert!(!lists.contain("GET", "/rest/query/{kind}"));
        assert!(!lists.contain("GET", "/rest"));
        assert!(!lists.contain("POST", "/rest/instance/{kind}"));
        assert!(lists.contain("PUT", "/rest/configuration/{device}"));
        assert!(!lists.contain("DELETE", "/rest/instance/{kind}/{name}"), "no list of texts");
        assert!(!lists.contain("PATCH", "/rest/instance/{kind}"));
    }

    #[test]
    fn a_group_has_the_rights_of_the_groups_before() {
        let [readers, editors, operators] = BuiltInGroup::ALL.map(BuiltInGroup::rights);
        assert!(readers.iter().all(|right| editors.contains(right)));
        assert!(editors.iter().all(|right| operators.contains(right)));
        assert!(!operators.contains(Right::Administer));
        assert_eq!(BuiltInGroup::of("operators"), Some(BuiltInGroup::Operators));
        assert_eq!(BuiltInGroup::of("Operators"), None);
    }
}
