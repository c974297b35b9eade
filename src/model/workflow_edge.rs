//! The workflow edge.

use super::{Name, One, Service, Text, entity::entity};

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
