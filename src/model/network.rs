//! The network.

use super::{Any, Group, Link, Many, Name, Node, Text, User, entity::entity};

entity! {
    /// A network: a drawing of devices, links and other networks, which can be a link's end itself.
    Network {
        category: Text = "",
        creator: Text = "",
        description: Text = "",
        icon: Text = "network",
        labels: Any,
        last_modified: Text = "",
        last_modified_by: Text = "",
        latitude: Text = "0.0",
        links: Many<Link>,
        location: Text = "",
        longitude: Text = "0.0",
        model: Text = "",
        name: Name,
        networks: Many<Network>,
        nodes: Many<Node>,
        owners: Many<User>,
        positions: Any,
        rbac_edit: Many<Group>,
        rbac_read: Many<Group>,
        subtype: Text = "",
        r#type: Text = "network",
        vendor: Text = "",
    }
}
