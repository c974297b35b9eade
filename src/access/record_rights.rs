//! The records that a principal can read and change.
//!
//! The rules are those of eNMS (`rbac_filter` in `eNMS/models/base.py` of eNMS 4.6). A user reads a
//! record if one of the user's groups is in `rbac_read`, or if the user is in `owners`. The same holds
//! for changes and `rbac_edit`. Records with `admin_only` are for administrators.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use crate::model::{Kind, PerKind, Projection, PropertyPosition, Record, View};

/// The property of records that are for administrators only.
const ADMIN_ONLY: &str = "admin_only";
/// The property with the users who own a record.
const OWNERS: &str = "owners";
const RBAC_READ: &str = "rbac_read";
const RBAC_EDIT: &str = "rbac_edit";

/// The records that a principal can read and change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecordRights {
    /// All records: the principal is an administrator, or groups do not decide.
    #[default]
    All,
    /// The records that the groups of the principal reach.
    Groups(Arc<Membership>),
}

/// A user with its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The name of the user.
    pub user: String,
    /// The names of the groups.
    pub groups: HashSet<String>,
    /// The records that the groups reach.
    pub reach: Reach,
}

/// The records that groups reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The records that name one of the groups or the user.
    #[default]
    Named,
    /// One of the groups has `force_read_access`: all records can be read, except those with
    /// `admin_only`.
    ReadAll,
    /// The user is an operator: all records can be read and changed, except users and groups, which
    /// can only be read. An export or a backup is always complete.
    Everything,
}

/// The access to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordAccess {
    /// To see that the record exists.
    Read,
    /// To change or delete it.
    Edit,
}

/// The answer for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The principal has the access.
    Granted,
    /// The principal does not have the access.
    Denied,
    /// The principal has the access if it has the same access to the workflow of the edge.
    AsWorkflow,
}

/// The properties of a kind that decide about reading.
#[derive(Clone, Debug)]
pub struct DecidingProperties {
    /// Their names, in the order of the projection.
    names: Vec<&'static str>,
    /// The projection of encoded records.
    pub projection: Projection,
}

impl DecidingProperties {
    /// The properties of a kind.
    pub fn of(kind: Kind) -> &'static Self {
        static ALL: LazyLock<PerKind<DecidingProperties>> =
            LazyLock::new(|| PerKind::new(DecidingProperties::gather));
        &ALL[kind]
    }

    fn gather(kind: Kind) -> Self {
        let names = [ADMIN_ONLY, OWNERS, RBAC_READ].into_iter();
        let mut names: Vec<_> = names.filter(|name| kind.property(name).is_some()).collect();
        names.sort_unstable_by_key(|name| kind.position(name));
        let positions = names.iter().map(|name| PropertyPosition::of(kind, name));
        Self { projection: Projection::new(positions.collect()), names }
    }
}

impl RecordRights {
    /// Returns whether the principal can read all records.
    pub fn reads_everything(&self) -> bool {
        match self {
            Self::All => true,
            Self::Groups(membership) => membership.reach == Reach::Everything,
        }
    }

    /// A text that is equal for principals who can read the same records for the same reasons.
    pub fn fingerprint(&self) -> String {
        let Self::Groups(membership) = self else { return "all".to_owned() };
        let mut groups: Vec<&str> = membership.groups.iter().map(String::as_str).collect();
        groups.sort_unstable();
        // Names contain no control character, so the separators are unambiguous.
        let reach = match membership.reach {
            Reach::Named => "named",
            Reach::ReadAll => "read all",
            Reach::Everything => "everything",
        };
        format!("{reach}\n{}\n{}", membership.user, groups.join("\n"))
    }

    /// Returns whether the principal can read a record. `values` are its
    /// [deciding properties](DecidingProperties).
    pub fn read<'v>(&self, kind: Kind, values: impl Fn(usize) -> Option<View<'v>>) -> Verdict {
        let Self::Groups(membership) = self else { return Verdict::Granted };
        let names = &DecidingProperties::of(kind).names;
        let value = |name: &str| names.iter().position(|known| *known == name).and_then(&values);
        membership.access(kind, RecordAccess::Read, value)
    }

    /// Returns whether the principal has an access to a record.
    pub fn of_record(&self, access: RecordAccess, record: &dyn Record) -> Verdict {
        let Self::Groups(membership) = self else { return Verdict::Granted };
        membership.access(record.kind(), access, |name| record.view(name))
    }

    /// Returns whether the principal can change who has access to a record that exists. In eNMS,
    /// these are administrators and owners.
    pub fn can_grant(&self, record: &dyn Record) -> bool {
        match self {
            Self::All => true,
            Self::Groups(membership) => {
                membership.reach == Reach::Everything
                    || membership.owns(record.view(OWNERS).as_ref())
            }
        }
    }
}

impl Membership {
    fn access<'v>(
        &self,
        kind: Kind,
        access: RecordAccess,
        value: impl Fn(&str) -> Option<View<'v>>,
    ) -> Verdict {
        let granted = |is_granted| if is_granted { Verdict::Granted } else { Verdict::Denied };
        match (kind, access, self.reach) {
            // A user or a group could give its editor all rights.
            (Kind::User | Kind::Group, RecordAccess::Edit, _) => return Verdict::Denied,
            (_, _, Reach::Everything) => return Verdict::Granted,
            _ => {}
        }
        if let Some(View::Bool(true)) = value(ADMIN_ONLY) {
            return Verdict::Denied;
        }
        let list = match access {
            RecordAccess::Read => RBAC_READ,
            RecordAccess::Edit => RBAC_EDIT,
        };
        match kind {
            Kind::WorkflowEdge => Verdict::AsWorkflow,
            _ if kind.property(list).is_none() => Verdict::Granted,
            _ if access == RecordAccess::Read && self.reach == Reach::ReadAll => Verdict::Granted,
            _ => granted(self.owns(value(OWNERS).as_ref()) || self.is_in(value(list).as_ref())),
        }
    }

    /// Returns whether a list of owners contains the user.
    fn owns(&self, owners: Option<&View<'_>>) -> bool {
        matches!(owners, Some(View::Texts(names)) if names.contains(&self.user.as_str()))
    }

    /// Returns whether a list contains one of the groups.
    fn is_in(&self, groups: Option<&View<'_>>) -> bool {
        matches!(groups, Some(View::Texts(names)) if names.iter().any(|name| self.groups.contains(*name)))
    }
}

/// Returns whether a property decides about the access to its record.
pub fn decides_about_access(kind: Kind, property: &str) -> bool {
    let is_named = [ADMIN_ONLY, OWNERS, "restrict_to_owners"].contains(&property);
    kind.property(property).is_some() && (is_named || property.starts_with("rbac_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AnyRecord, Name, Value};

    fn rights(reach: Reach) -> RecordRights {
        let groups = ["é>b", "100%"].map(str::to_owned).into();
        RecordRights::Groups(Arc::new(Membership { user: "o-hara".to_owned(), groups, reach }))
    }

    fn record(kind: Kind, properties: &[(&str, Value)]) -> AnyRecord {
        let mut record = AnyRecord::named(kind, Name::parse("R 1%".to_owned()).unwrap());
        for (property, value) in properties {
            record.set(property, value.clone()).unwrap();
        }
        record
    }

    fn list(names: &[&str]) -> Value {
        Value::List(names.iter().map(|name| Value::from(*name)).collect())
    }

    #[test]
    fn groups_and_owners_decide() {
        use RecordAccess::{Edit, Read};
        let denied = (Verdict::Denied, Verdict::Denied);
        for (kind, properties, expected) in [
            (Kind::Device, vec![], denied),
            (
                Kind::Device,
                vec![("rbac_read", list(&["x", "100%"]))],
                (Verdict::Granted, Verdict::Denied),
            ),
            (
                Kind::Device,
                vec![("rbac_edit", list(&["100%"]))],
                (Verdict::Denied, Verdict::Granted),
            ),
            (
                Kind::Device,
                vec![("owners", list(&["o-hara"]))],
                (Verdict::Granted, Verdict::Granted),
            ),
            (
                Kind::Device,
                vec![("owners", list(&["100%"])), ("rbac_read", list(&["o-hara"]))],
                denied,
            ),
            (
                Kind::Pool,
                vec![("owners", list(&["o-hara"])), ("admin_only", Value::Bool(true))],
                denied,
            ),
            (Kind::File, vec![], (Verdict::Granted, Verdict::Granted)),
            (Kind::User, vec![], (Verdict::Granted, Verdict::Denied)),
            (Kind::Group, vec![], (Verdict::Granted, Verdict::Denied)),
            (Kind::Group, vec![("admin_only", Value::Bool(true))], denied),
            (Kind::WorkflowEdge, vec![], (Verdict::AsWorkflow, Verdict::AsWorkflow)),
        ] {
            let record = record(kind, &properties);
            let of = |access| rights(Reach::Named).of_record(access, &*record);
            assert_eq!((of(Read), of(Edit)), expected, "{kind} {properties:?}");
        }
    }

    #[test]
    fn wider_reaches_keep_their_limits() {
        let none = record(Kind::Device, &[]);
        let secret = record(Kind::Pool, &[("admin_only", Value::Bool(true))]);
        let group = record(Kind::Group, &[]);
        let of = |reach, access, record: &AnyRecord| rights(reach).of_record(access, &**record);
        use RecordAccess::{Edit, Read};
        assert_eq!(of(Reach::ReadAll, Read, &none), Verdict::Granted);
        assert_eq!(of(Reach::ReadAll, Edit, &none), Verdict::Denied);
        assert_eq!(of(Reach::ReadAll, Read, &secret), Verdict::Denied);
        assert_eq!(of(Reach::Everything, Edit, &secret), Verdict::Granted);
        assert_eq!(of(Reach::Everything, Read, &group), Verdict::Granted);
        assert_eq!(of(Reach::Everything, Edit, &group), Verdict::Denied);
        assert_eq!(RecordRights::All.of_record(Edit, &*group), Verdict::Granted);
    }

    /// Encoded records are checked by position, decoded ones by name.
    #[test]
    fn values_by_position_and_by_name_agree() {
        for kind in Kind::ALL {
            for property in [ADMIN_ONLY, OWNERS, RBAC_READ] {
                let value = match property {
                    ADMIN_ONLY => Value::Bool(true),
                    OWNERS => list(&["o-hara"]),
                    _ => list(&["100%"]),
                };
                if kind.property(property).is_none() {
                    continue;
                }
                let record = record(kind, &[(property, value)]);
                let names = &DecidingProperties::of(kind).names;
                let by_position = rights(Reach::Named).read(kind, |at| record.view(names[at]));
                let by_name = rights(Reach::Named).of_record(RecordAccess::Read, &*record);
                assert_eq!(by_position, by_name, "{kind} {property}");
            }
        }
    }
}
