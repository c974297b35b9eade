//! The pool.

use super::{
    Bool, Criteria, CriterionError, Device, Field, Group, Int, InverseName, KindFacts, Link, Many,
    Name, Ref, Referable, Service, Side, Task, Text, User, entity::entity,
};

entity! {
    /// A set of devices and links: listed one by one, or computed from criteria.
    ///
    /// The criteria (`device_vendor`, `device_vendor_match`, `device_vendor_invert`, `link_…`) can
    /// compare any property, also a custom one, so they are custom properties themselves.
    Pool {
        admin_only: Bool = false,
        creator: Text = "",
        description: Text = "",
        device_number: Int = 0,
        devices: Many<Device>,
        last_modified: Text = "",
        last_modified_by: Text = "",
        latitude: Text = "0.0",
        link_number: Int = 0,
        links: Many<Link>,
        longitude: Text = "0.0",
        manually_defined: Bool = false,
        name: Name,
        operator: Text = "all",
        owners: Many<User>,
        rbac_edit: Many<Group>,
        rbac_group_rbac_configuration: Many<Group>,
        rbac_group_rbac_connect: Many<Group>,
        rbac_group_rbac_edit: Many<Group>,
        rbac_group_rbac_read: Many<Group>,
        rbac_group_rbac_target: Many<Group>,
        rbac_read: Many<Group>,
        target_services: Many<Service>,
        tasks: Many<Task>,
        r#type: Text = "pool",
    }
}

impl KindFacts for Pool {
    const INVERSE_NAMES: &'static [InverseName] = &[
        InverseName::new("devices", "pools"),
        InverseName::new("links", "pools"),
        InverseName::new("tasks", "pools"),
        InverseName::new("target_services", "target_pools"),
        InverseName::new("rbac_group_rbac_configuration", "rbac_group_rbac_configuration_pools")
            .in_enms("rbac_pool_rbac_configuration"),
        InverseName::new("rbac_group_rbac_connect", "rbac_group_rbac_connect_pools")
            .in_enms("rbac_pool_rbac_connect"),
        InverseName::new("rbac_group_rbac_edit", "rbac_group_rbac_edit_pools")
            .in_enms("rbac_pool_rbac_edit"),
        InverseName::new("rbac_group_rbac_read", "rbac_group_rbac_read_pools")
            .in_enms("rbac_pool_rbac_read"),
        InverseName::new("rbac_group_rbac_target", "rbac_group_rbac_target_pools")
            .in_enms("rbac_pool_rbac_target"),
    ];
}

/// The source of a pool's members.
#[derive(Clone, Debug)]
pub enum Membership {
    /// From its own lists.
    Manual,
    /// From its criteria. The lists of the record are empty: the store keeps the members.
    Computed {
        /// The criteria for devices. Without a criterion, the pool has no devices.
        devices: Criteria,
        /// The criteria for links. Without a criterion, the pool has no links.
        links: Criteria,
    },
    /// A criterion cannot be evaluated. The members are in the pool's lists.
    Invalid(CriterionError),
}

impl Pool {
    /// The source of the members.
    pub fn membership(&self) -> Membership {
        if self.manually_defined.get() == Some(&true) {
            return Membership::Manual;
        }
        match (Criteria::of(self, Side::Device), Criteria::of(self, Side::Link)) {
            (Ok(devices), Ok(links)) => Membership::Computed { devices, links },
            (Err(error), _) | (_, Err(error)) => Membership::Invalid(error),
        }
    }

    /// Corrects the lists and numbers of members. The lists of a computed pool are empty, because
    /// the store keeps its members. The numbers of a manual pool are the lengths of its lists.
    /// Leaves absent properties absent. Returns whether the record changed.
    pub fn settle(&mut self, membership: &Membership) -> bool {
        let mut changed = match membership {
            Membership::Computed { .. } => {
                correct(&mut self.devices, Vec::new()) | correct(&mut self.links, Vec::new())
            }
            Membership::Manual | Membership::Invalid(_) => false,
        };
        changed |= correct(&mut self.device_number, count(&self.devices));
        changed |= correct(&mut self.link_number, count(&self.links));
        changed
    }

    /// Sets the lists and numbers of a computed pool, as a document shows them. Leaves absent
    /// properties absent, except for a list with members.
    pub fn with_members(mut self, devices: Vec<String>, links: Vec<String>) -> Self {
        fill(&mut self.devices, &mut self.device_number, devices);
        fill(&mut self.links, &mut self.link_number, links);
        self
    }
}

fn correct<T: PartialEq>(field: &mut Field<T>, right: T) -> bool {
    let wrong = *field != Field::Absent && field.get() != Some(&right);
    if wrong {
        *field = Field::Set(right);
    }
    wrong
}

fn count<E>(list: &Field<Vec<Ref<E>>>) -> i64 {
    list.get().map_or(0, Vec::len) as i64
}

fn fill<E: Referable>(
    list: &mut Field<Vec<Ref<E>>>,
    number: &mut Field<i64>,
    members: Vec<String>,
) {
    if *number != Field::Absent {
        *number = Field::Set(members.len() as i64);
    }
    if !members.is_empty() || *list != Field::Absent {
        *list = Field::Set(members.into_iter().map(Ref::new).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Entity;

    #[test]
    fn lists_and_numbers_of_members_follow_the_source() {
        let mut pool = Pool::named(Name::parse("p".to_owned()).unwrap());
        pool.devices = Field::Set(vec![Ref::new("a"), Ref::new("b")]);
        pool.device_number = Field::Set(7);
        assert!(pool.settle(&Membership::Manual));
        assert_eq!((&pool.device_number, &pool.link_number), (&Field::Set(2), &Field::Absent));
        assert!(!pool.settle(&Membership::Manual));
        let computed = pool.membership();
        assert!(pool.settle(&computed));
        assert_eq!((&pool.devices, &pool.links), (&Field::Set(Vec::new()), &Field::Absent));
        assert_eq!(pool.device_number, Field::Set(0));
        assert!(!pool.settle(&computed));
    }
}
