//! The options of a call: collected from wherever a request says them, and checked before anything
//! is done.
//!
//! ```text
//! list    the definitions
//! given   what a request says, and the check of it against the route's definitions
//! body    bodies that hold options: JSON and forms
//! ```
//!
//! An unknown option, one that stands twice, and two that contradict each other are refused, so
//! that a misspelt `dry_run` never becomes an import.

mod body;
mod given;
mod list;

pub(super) use self::body::{add_body, add_part, is_json, wrong_field};
pub(super) use self::given::{Given, unknown_option};
pub(super) use self::list::{
    ALLOW_EMPTY, ATOMIC, DRY_RUN, EMPTY_FIRST, FORM_TYPE, KEEP_ABSENT, OF_EXPORT, OF_IMPORT,
    ON_ERROR, PROJECT_NAME, PROPERTY, REPLACE, SECRETS, SKIP, SKIP_POOL_UPDATE, TABLE, TYPES,
    WORKBOOK_NAME,
};

use super::route::CallOption;
use crate::model::Kind;

/// The options of a call, checked. An option that the request does not say is absent.
#[derive(Debug, Default)]
pub(super) struct Options(Vec<(&'static str, OptionValue)>);

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OptionValue {
    Switch(bool),
    Text(String),
    /// Without duplicates, in the order in which they were sent.
    Kinds(Vec<Kind>),
}

impl Options {
    /// Whether the request says the option.
    pub(super) fn has(&self, option: &CallOption) -> bool {
        self.value(option).is_some()
    }

    /// A switch; `None` where the request does not say it.
    pub(super) fn switch(&self, option: &CallOption) -> Option<bool> {
        match self.value(option)? {
            OptionValue::Switch(on) => Some(*on),
            OptionValue::Text(_) | OptionValue::Kinds(_) => None,
        }
    }

    /// Whether a switch is on. It is off where the request does not say it.
    pub(super) fn is_on(&self, option: &CallOption) -> bool {
        self.switch(option) == Some(true)
    }

    /// A text, a name or a word.
    pub(super) fn text(&self, option: &CallOption) -> Option<&str> {
        match self.value(option)? {
            OptionValue::Text(text) => Some(text),
            OptionValue::Switch(_) | OptionValue::Kinds(_) => None,
        }
    }

    /// A list of kinds; empty where the request does not say it.
    pub(super) fn kinds(&self, option: &CallOption) -> &[Kind] {
        match self.value(option) {
            Some(OptionValue::Kinds(kinds)) => kinds,
            Some(OptionValue::Switch(_) | OptionValue::Text(_)) | None => &[],
        }
    }

    fn value(&self, option: &CallOption) -> Option<&OptionValue> {
        self.0.iter().find(|(name, _)| *name == option.name).map(|(_, value)| value)
    }
}
