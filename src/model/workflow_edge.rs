//! The workflow edge.

use super::{InverseName, KindFacts, Name, One, Service, Text, entity::entity};

entity! {
    /// An edge of a workflow, from one of its services to another.
    WorkflowEdge {
        color: Text = "green",
        destination: One<Service>,
        label: Text = "",
        name: Name,
        source: One<Service>,
        subtype: Text = "success",
        r#type: Text = "workflow_edge",
        workflow: One<Service>,
    }
}

impl KindFacts for WorkflowEdge {
    const INVERSE_NAMES: &'static [InverseName] = &[
        InverseName::new("workflow", "edges"),
        InverseName::new("source", "outgoing_edges").in_enms("destinations"),
        InverseName::new("destination", "incoming_edges").in_enms("sources"),
    ];
}
