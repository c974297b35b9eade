//! The link.

use super::{Group, Many, Name, Node, One, Text, User, entity::entity};

entity! {
    /// A link between two devices or networks.
    Link {
        color: Text = "#000000",
        creator: Text = "",
        description: Text = "",
        destination: One<Node>,
        last_modified: Text = "",
        last_modified_by: Text = "",
        location: Text = "",
        model: Text = "",
        name: Name,
        owners: Many<User>,
        rbac_edit: Many<Group>,
        rbac_read: Many<Group>,
        source: One<Node>,
        subtype: Text = "",
        r#type: Text = "link",
        vendor: Text = "",
    }
}
