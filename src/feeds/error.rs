//! The errors of feeds.

use super::option::FeedOption;
use crate::{inventory::InventoryError, model::Kind};

/// A feed that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// There is no feed of this name.
    #[error("there is no feed '{name}'{}. GET /feeds and `satchel feed` list them", nearest_text(*.nearest))]
    UnknownFeed {
        /// The name in the request.
        name: String,
        /// The feed with the most similar name.
        nearest: Option<&'static str>,
    },
    /// An option has a value that it cannot have.
    #[error("the option '{}' of the feed '{feed}' is '{value}'; {expected}", .option.name())]
    WrongOption {
        /// The name of the feed.
        feed: &'static str,
        /// The option.
        option: FeedOption,
        /// The value in the request.
        value: String,
        /// The expected value, as a part of a sentence.
        expected: String,
    },
    /// An option occurs more than once.
    #[error("the option '{}' of the feed '{feed}' occurs more than once", .option.name())]
    RepeatedOption {
        /// The name of the feed.
        feed: &'static str,
        /// The option.
        option: FeedOption,
    },
    /// An option that the feed needs is missing.
    #[error("the feed '{feed}' needs the option '{}': {}", .option.name(), .option.about())]
    MissingOption {
        /// The name of the feed.
        feed: &'static str,
        /// The option.
        option: FeedOption,
    },
    /// A property whose name indicates a secret is requested.
    #[error(
        "the name of the property '{property}' indicates a secret, and a feed never contains one"
    )]
    SecretProperty {
        /// The name of the property.
        property: String,
        /// The parameter of the request with the name.
        parameter: String,
    },
    /// A filter names a pool or network that does not exist. An empty feed would remove every host of
    /// its consumer.
    #[error("there is no {kind} '{name}'")]
    UnknownGroup {
        /// The kind of the record.
        kind: Kind,
        /// The name in the filter.
        name: String,
        /// The parameter of the request with the name.
        parameter: &'static str,
    },
    /// The feed has no entry for one host alone.
    #[error("the feed '{feed}' is always complete: it has no address for a single host")]
    NoSingleHost {
        /// The name of the feed.
        feed: &'static str,
    },
    /// The selection has no host of this name.
    #[error("the feed '{feed}' has no host '{host}'")]
    UnknownHost {
        /// The name of the feed.
        feed: &'static str,
        /// The name in the request.
        host: String,
    },
    /// The inventory cannot be read, or a filter is wrong.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
}

fn nearest_text(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean '{name}'?"))
}
