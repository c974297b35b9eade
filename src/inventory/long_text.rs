//! The properties of devices that are long texts: configurations and operational data.
//!
//! They are stored beside the devices' records, so that megabytes of text do not slow other work
//! with a device.

use crate::model::Kind;

/// A property that is a long text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inventory) enum LongText {
    Configuration,
    OperationalData,
}

impl LongText {
    /// The long texts of a kind.
    pub fn of_kind(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Device => &[LongText::Configuration, LongText::OperationalData],
            Kind::User
            | Kind::Group
            | Kind::File
            | Kind::Link
            | Kind::Service
            | Kind::Network
            | Kind::WorkflowEdge
            | Kind::Task
            | Kind::Credential
            | Kind::Pool => &[],
        }
    }

    /// The name of the property.
    pub fn as_str(self) -> &'static str {
        match self {
            LongText::Configuration => "configuration",
            LongText::OperationalData => "operational_data",
        }
    }

    /// The long text with this name.
    pub fn of(kind: Kind, name: &str) -> Option<Self> {
        Self::of_kind(kind).iter().copied().find(|text| text.as_str() == name)
    }
}
