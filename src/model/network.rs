//! The network.

use super::{
    Any, Group, InverseName, Kind, KindFacts, Link, Many, Name, Node, Text, User, entity::entity,
};

entity! {
    /// A network: a diagram of devices, links and other networks. It can be the end of a link.
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

impl KindFacts for Network {
    /// A network's own `networks` are the networks inside of it.
    const INVERSE_NAMES: &'static [InverseName] = &[
        InverseName::new("networks", "parent_networks"),
        InverseName::seen_from(Kind::Network, "nodes", "parent_networks"),
        InverseName::new("nodes", "networks"),
        InverseName::new("links", "networks"),
    ];
}
