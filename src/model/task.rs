//! The task.

use super::{
    Any, Bool, Device, Group, Int, InverseName, KindFacts, Many, Name, One, Pool, PropertyDefault,
    Service, Text, User, entity::entity,
};

entity! {
    /// A scheduled run of a service.
    Task {
        admin_only: Bool = false,
        creation_time: Text = "",
        creator: Text = "",
        crontab_expression: Text = "",
        description: Text = "",
        devices: Many<Device>,
        end_date: Text = "",
        frequency: Int = 0,
        frequency_unit: Text = "seconds",
        initial_payload: Any,
        last_modified: Text = "",
        last_modified_by: Text = "",
        last_scheduled_by: Text = "",
        name: Name,
        owners: Many<User>,
        pools: Many<Pool>,
        rbac_edit: Many<Group>,
        rbac_read: Many<Group>,
        scheduling_mode: Text = "standard",
        service: One<Service>,
        start_date: Text = "",
        r#type: Text = "task",
    }
}

impl KindFacts for Task {
    const ALIASES: &'static [(&'static str, &'static str)] = &[("service_name", "service")];

    /// `is_active` is true if eNMS's scheduler runs the task. eNMS leaves it out of projects.
    const CUSTOM_DEFAULTS: &'static [(&'static str, PropertyDefault)] =
        &[("is_active", PropertyDefault::Bool(false))];

    const INVERSE_NAMES: &'static [InverseName] = &[
        InverseName::new("service", "tasks"),
        InverseName::new("devices", "tasks"),
        InverseName::new("pools", "tasks"),
    ];
}
