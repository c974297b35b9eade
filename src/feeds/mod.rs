//! Feeds: the devices and links of the inventory in the formats of other tools.
//!
//! A feed combines a selection of devices, a rule for their names and a writer. Each format is one
//! file in `formats` with one entry of the table [`FEEDS`]. Writers get one device after the other,
//! so the size of a feed has no influence on the memory, except for the members of groups.
//!
//! A feed never contains a secret: typed secrets are no columns of a read, and properties whose
//! names indicate a secret are refused and left out of trees (`shown`).
//!
//! ```text
//! write       reads the selection and calls the writer
//! catalog     the table of feeds, and the list of them
//! formats     the writers, one file for each family of formats
//! request     parses the parameters of a request
//! feed        a feed, and a request for one
//! writer      the interface of writers
//! groups      the groups of devices and their names
//! host_names  the names of devices by the rule of the feed
//! option      the definitions of the options
//! parameters  the types of the options' values
//! report      the devices that are left out or have another name
//! address     the address of a device
//! shown       values of properties without secrets
//! slug        texts as host names and identifiers
//! error       the errors
//! ```

mod address;
mod catalog;
mod error;
mod feed;
mod formats;
mod groups;
mod host_names;
mod option;
mod parameters;
mod report;
mod request;
mod shown;
mod slug;
#[cfg(test)]
mod tests;
mod write;
mod writer;

pub use catalog::{FEEDS, FeedList, FeedView, OptionView, feed};
pub use error::FeedError;
pub use feed::{Feed, FeedRequest};
pub use option::FeedOption;
pub use parameters::Form;
pub use report::{FeedReport, LeftOut, LeftOutDevice, NumberedDevice};
pub use slug::slug;
pub use write::write;
pub use writer::{Discard, Output};
