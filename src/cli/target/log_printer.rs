//! Prints what a server would write into its log: the causes of failures that its answers keep to
//! themselves. A server within a command has no log, and whoever runs the command may know all.

use std::{error::Error, fmt};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::{cli::output::safe, wording::chain};

/// Begins to print errors and warnings on standard error. Where something logs already, that stays.
pub(super) fn install() {
    let _ = tracing_subscriber::registry().with(Printing).try_init();
}

struct Printing;

impl<S: Subscriber> Layer<S> for Printing {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let of_us = event.metadata().target().starts_with("satchel");
        let label = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            _ => return,
        };
        if of_us {
            let mut said = Said::default();
            event.record(&mut said);
            eprintln!("satchel: {label}: {}", safe(&said.text()));
        }
    }
}

/// What an event says: its message, and its cause.
#[derive(Default)]
struct Said {
    message: String,
    cause: Option<String>,
}

impl Said {
    fn text(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {cause}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Visit for Said {
    fn record_error(&mut self, _: &Field, cause: &(dyn Error + 'static)) {
        self.cause = Some(chain(cause));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "error" => self.cause = Some(format!("{value:?}")),
            // Where it was, of which the cause says what matters.
            _ => {}
        }
    }
}
