//! The pool.

use super::{
    Bool, Criteria, CriterionError, Device, Field, Group, Int, Link, Many, Name, Ref, Referable,
    Service, Side, Task, Text, User, entity::entity,
};

entity! {
    /// A set of devices and links: named one by one, or computed from criteria.
    ///
    /// The criteria (`device_vendor`, `device_vendor_match`, `device_vendor_invert`, `link_…`) may ask
    /// for any property, the site's own included, so they stand among the custom properties.
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

/// Where a pool's members come from.
#[derive(Clone, Debug)]
pub enum Membership {
    /// From its own lists.
    Manual,
    /// From its criteria. The lists of the record are empty: the store keeps the members.
    Computed { devices: Criteria, links: Criteria },
    /// It has criteria that cannot be asked, and keeps the members in its lists.
    Unaskable(CriterionError),
}

impl Pool {
    /// Where the members come from.
    pub fn membership(&self) -> Membership {
        if self.manually_defined.get() == Some(&true) {
            return Membership::Manual;
        }
        match (Criteria::of(self, Side::Device), Criteria::of(self, Side::Link)) {
            (Ok(devices), Ok(links)) => Membership::Computed { devices, links },
            (Err(error), _) | (_, Err(error)) => Membership::Unaskable(error),
        }
    }

    /// Empties the lists and numbers of a computed pool, whose members the store keeps. What the
    /// record does not say it goes on not saying.
    pub fn without_members(mut self) -> Self {
        empty(&mut self.devices, &mut self.device_number);
        empty(&mut self.links, &mut self.link_number);
        self
    }

    /// Gives a computed pool the lists and numbers that a document shows. What the record does not
    /// say stays unsaid, unless there are members.
    pub fn with_members(mut self, devices: Vec<String>, links: Vec<String>) -> Self {
        fill(&mut self.devices, &mut self.device_number, devices);
        fill(&mut self.links, &mut self.link_number, links);
        self
    }
}

fn empty<E>(list: &mut Field<Vec<Ref<E>>>, number: &mut Field<i64>) {
    if *list != Field::Absent {
        *list = Field::Set(Vec::new());
    }
    if *number != Field::Absent {
        *number = Field::Set(0);
    }
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
