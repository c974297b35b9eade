//! Prints the log of the server within this process: its errors and warnings, which contain causes
//! that its responses do not.

use std::{error::Error, fmt};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::{cli::safe_text::safe, wording::chain};

/// Prints errors and warnings on standard error from now on. A subscriber that is already installed
/// stays.
pub(super) fn install() {
    let _ = tracing_subscriber::registry().with(LogPrinter).try_init();
}

struct LogPrinter;

impl<S: Subscriber> Layer<S> for LogPrinter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let is_own = event.metadata().target().starts_with("satchel");
        let label = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            _ => return,
        };
        if is_own {
            let mut fields = EventFields::default();
            event.record(&mut fields);
            eprintln!("satchel: {label}: {}", safe(&fields.text()));
        }
    }
}

/// The fields of an event that are printed.
#[derive(Default)]
struct EventFields {
    message: String,
    cause: Option<String>,
}

impl EventFields {
    fn text(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {cause}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Visit for EventFields {
    fn record_error(&mut self, _: &Field, cause: &(dyn Error + 'static)) {
        self.cause = Some(chain(cause));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "error" => self.cause = Some(format!("{value:?}")),
            // The other fields are for the log of a server.
            _ => {}
        }
    }
}
