//! The group.

use super::{Any, Bool, InverseName, KindFacts, Many, Name, Text, User, entity::entity};

entity! {
    /// A group of users, to which eNMS grants access rights.
    Group {
        admin_only: Bool = false,
        creator: Text = "",
        credential_access: Any,
        delete_requests: Any,
        description: Text = "",
        device_access: Any,
        email: Text = "",
        force_read_access: Bool = false,
        get_requests: Any,
        last_modified: Text = "",
        last_modified_by: Text = "",
        link_access: Any,
        menu: Any,
        name: Name,
        network_access: Any,
        pages: Any,
        pool_access: Any,
        post_requests: Any,
        service_access: Any,
        task_access: Any,
        r#type: Text = "group",
        users: Many<User>,
    }
}

impl KindFacts for Group {
    const INVERSE_NAMES: &'static [InverseName] = &[InverseName::new("users", "groups")];
}
