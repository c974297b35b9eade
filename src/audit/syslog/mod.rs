//! Sends entries to a collector: RFC 5424 messages over UDP (RFC 5426), TCP with octet counting (RFC 6587)
//! or TLS (RFC 5425).
//!
//! ```text
//! target      the address of the collector
//! message     the message of an entry
//! connection  the connection to the collector
//! sender      the queue and its thread
//! ```

mod connection;
mod message;
mod sender;
mod target;

pub(super) use sender::Syslog;
pub use sender::{SyslogOptions, SyslogState};
pub use target::{SyslogTarget, UnknownTarget};
