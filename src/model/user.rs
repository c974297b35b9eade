//! The user.

use super::{Bool, Float, Hidden, Name, Text, entity::entity};

entity! {
    /// A user of the inventory, who is a user of the appliance too.
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
