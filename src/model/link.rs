//! The link.

use super::{
    Group, InverseName, Kind, KindFacts, Many, Name, Node, One, Text, User, entity::entity,
};

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

impl KindFacts for Link {
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("destination_name", "destination"), ("source_name", "source")];

    const INVERSE_NAMES: &'static [InverseName] = &[
        InverseName::seen_from(Kind::Network, "source", "attached_links"),
        InverseName::seen_from(Kind::Network, "destination", "attached_links"),
        InverseName::new("source", "links").in_enms("source"),
        InverseName::new("destination", "links").in_enms("destination"),
    ];
}
