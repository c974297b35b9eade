//! The user.

use super::{Bool, Float, Hidden, KindFacts, Name, Text, entity::entity};

entity! {
    /// A user of the inventory, who can log in to the appliance too.
    User {
        authentication: Text = "database",
        creator: Text = "",
        description: Text = "",
        email: Text = "",
        is_admin: Bool = false,
        landing_page: Text = "/dashboard",
        last_modified: Text = "",
        last_modified_by: Text = "",
        name: Name,
        password: Hidden,
        small_menu: Bool = false,
        theme: Text = "default",
        r#type: Text = "user",
        zoom_sensitivity: Float = 1.0,
    }
}

impl KindFacts for User {
    /// argon2, as eNMS keeps it.
    const PASSWORD_HASHES: &'static [&'static str] = &["password"];
}
