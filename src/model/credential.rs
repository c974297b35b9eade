//! The credential.

use super::{
    Bool, Group, Hidden, Int, InverseName, KindFacts, Many, Name, Pool, Text, User, entity::entity,
};

entity! {
    /// The user name and the password or key with which a device is accessed.
    Credential {
        admin_only: Bool = false,
        creator: Text = "",
        description: Text = "",
        device_pools: Many<Pool>,
        enable_password: Hidden,
        groups: Many<Group>,
        last_modified: Text = "",
        last_modified_by: Text = "",
        name: Name,
        owners: Many<User>,
        password: Hidden,
        priority: Int = 1,
        private_key: Hidden,
        rbac_edit: Many<Group>,
        rbac_read: Many<Group>,
        role: Text = "read-write",
        subtype: Text = "password",
        r#type: Text = "credential",
        username: Text = "",
    }
}

impl KindFacts for Credential {
    const INVERSE_NAMES: &'static [InverseName] = &[
        InverseName::new("device_pools", "credentials").in_enms("credential_devices"),
        InverseName::new("groups", "credentials"),
    ];
}
