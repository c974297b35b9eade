//! The options of a call: collected from the query and the body, and checked before the handler
//! runs.
//!
//! ```text
//! definitions  the options of all calls
//! sent         the options of a request, and their check against the definitions of the call
//! body         reads options from a body: JSON and forms
//! ```
//!
//! Unknown, duplicate and contradicting options are refused, so that a misspelt `dry_run` never
//! starts an import.

mod body;
mod definitions;
mod sent;

pub(super) use self::{
    body::{add_body, add_part, is_json, wrong_field},
    definitions::{
        AFTER, AFTER_RECORD, ALLOW_EMPTY, AT, ATOMIC, AUDIT_ADDRESS, AUDIT_BELOW, AUDIT_EVENT,
        AUDIT_SINCE, AUDIT_TEXT, AUDIT_UNTIL, AUDIT_USER, BACKUP_HISTORY, BACKUP_NAME, BELOW,
        CHANGE, DIALECT, DIFF_SINCE, DIFF_TO, DRY_RUN, EMPTY_FIRST, EXCLUDE, EXPIRES_DAYS,
        FORM_TYPE, FROM, HEADER_ROW, HISTORY_LIMIT, HISTORY_NAME, IGNORE, KEEP, KEEP_ABSENT, MAP,
        NEW_PASSWORD, NEW_PASSWORD_AGAIN, OF_EXPORT, OF_IMPORT, ON_CONFLICT, ON_ERROR, OPERATION,
        PLAN, PRINCIPAL, PROJECT_NAME, PROPERTY, RECORDS_LIMIT, REPLACE, RESTORED_BACKUP,
        RESTORED_NAME, RESTORED_TYPES, ROW_KIND, SCOPE, SECRETS, SETUP_CODE, SHEET, SINCE, SKIP,
        SKIP_POOL_UPDATE, TEMPLATE, TEXT, TEXT_AT, TEXT_FROM, TEXT_TO, TOKEN_NAME, TYPE, TYPES,
        UNTIL, WAIT, WORKBOOK_NAME,
    },
    sent::SentOptions,
};
use super::description::CallOption;
use crate::{model::Kind, topology::Mapping};

/// The checked options of a call. An option that the request does not send is absent.
#[derive(Debug, Default)]
pub(super) struct Options(Vec<(&'static str, OptionValue)>);

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OptionValue {
    Switch(bool),
    Text(String),
    Whole(u64),
    Mapping(Mapping),
    /// Without duplicates, in the order of the request.
    Kinds(Vec<Kind>),
}

impl Options {
    /// Returns whether the request sends the option.
    pub(super) fn has(&self, option: &CallOption) -> bool {
        self.value(option).is_some()
    }

    /// Returns a switch; `None` if the request does not send it.
    pub(super) fn switch(&self, option: &CallOption) -> Option<bool> {
        let OptionValue::Switch(on) = self.value(option)? else { return None };
        Some(*on)
    }

    /// Returns whether a switch is on. It is off if the request does not send it.
    pub(super) fn is_on(&self, option: &CallOption) -> bool {
        self.switch(option) == Some(true)
    }

    /// Returns a text, a name or a word; `None` if the request does not send it.
    pub(super) fn text(&self, option: &CallOption) -> Option<&str> {
        let OptionValue::Text(text) = self.value(option)? else { return None };
        Some(text)
    }

    /// Returns an integer; `None` if the request does not send it.
    pub(super) fn whole(&self, option: &CallOption) -> Option<u64> {
        let OptionValue::Whole(number) = self.value(option)? else { return None };
        Some(*number)
    }

    /// Returns a mapping of headings; `None` if the request does not send it.
    pub(super) fn mapping(&self, option: &CallOption) -> Option<&Mapping> {
        let OptionValue::Mapping(mapping) = self.value(option)? else { return None };
        Some(mapping)
    }

    /// Returns a list of kinds; empty if the request does not send it.
    pub(super) fn kinds(&self, option: &CallOption) -> &[Kind] {
        let Some(OptionValue::Kinds(kinds)) = self.value(option) else { return &[] };
        kinds
    }

    fn value(&self, option: &CallOption) -> Option<&OptionValue> {
        self.0.iter().find(|(name, _)| *name == option.name).map(|(_, value)| value)
    }
}
