//! The definitions of the options of calls, each once.

use crate::{
    access::Scope,
    audit::EventKind,
    http::description::{CallOption, Need, ValueType},
    model::Kind,
};

pub(in crate::http) const BACKUP_NAME: CallOption = CallOption::new(
    "name",
    "The name of the backup. The default is made of the time.",
    ValueType::BackupName,
);

pub(in crate::http) const BACKUP_HISTORY: CallOption = CallOption::new(
    "history",
    "`false` leaves out the history and the earlier texts. The default is true.",
    ValueType::Switch,
);

pub(in crate::http) const RESTORED_BACKUP: CallOption = CallOption::new(
    "backup",
    "The name of the stored backup to restore. Not for an uploaded file.",
    ValueType::BackupName,
);

pub(in crate::http) const RESTORED_TYPES: CallOption = CallOption::new(
    "types",
    "The types to restore. Without it, all types of the backup are restored. In a query or a form, \
     separate them with commas.",
    ValueType::Kinds,
);

pub(in crate::http) const RESTORED_NAME: CallOption = CallOption::new(
    "name",
    "The name of the records to restore; other records stay as they are. Without it, all records are \
     restored, and records that the backup does not have are removed.",
    ValueType::Text,
);

pub(in crate::http) const PLAN: CallOption = CallOption::new(
    "plan",
    "The `plan` in the response of the dry run. The restore makes the changes that it reported, or none. \
     Required unless `dry_run` is set.",
    ValueType::Text,
);

/// The value of [`ON_ERROR`] that imports the valid records.
pub(in crate::http) const SKIP: &str = "skip";

pub(in crate::http) const ATOMIC: CallOption =
    CallOption::new("atomic", "If one object is invalid, no object is changed.", ValueType::Switch);

pub(in crate::http) const PROPERTY: CallOption = CallOption::new(
    "property",
    "The text: configuration (the default), operational_data, …",
    ValueType::Text,
);

pub(in crate::http) const DIALECT: CallOption = CallOption::new(
    "dialect",
    "`enms` shows relations under the names of eNMS too, where they differ. The default is the \
     server's setting.",
    ValueType::Word(&["satchel", "enms"]),
);

pub(in crate::http) const AT: CallOption = CallOption::new(
    "at",
    "The instance as it was: after the change with this number, or at this date or time (RFC 3339). \
     Only its own properties are shown.",
    ValueType::Text,
);

pub(in crate::http) const TYPE: CallOption =
    CallOption::new("type", "Changes of records of this type.", ValueType::Kind);

pub(in crate::http) const HISTORY_NAME: CallOption =
    CallOption::new("name", "Changes of records with this name.", ValueType::Text);

pub(in crate::http) const PRINCIPAL: CallOption =
    CallOption::new("principal", "Changes of this user.", ValueType::Text);

pub(in crate::http) const OPERATION: CallOption = CallOption::new(
    "operation",
    "Changes by this operation, such as `put_instances`.",
    ValueType::Text,
);

pub(in crate::http) const SINCE: CallOption =
    CallOption::new("since", "Changes at this date or time (RFC 3339) or later.", ValueType::Text);

pub(in crate::http) const UNTIL: CallOption = CallOption::new(
    "until",
    "Changes at this date or time (RFC 3339) or earlier.",
    ValueType::Text,
);

pub(in crate::http) const TEXT: CallOption = CallOption::new(
    "text",
    "Changes whose message, user, operation or record names contain this text.",
    ValueType::Text,
);

pub(in crate::http) const BELOW: CallOption = CallOption::new(
    "below",
    "Changes with smaller numbers: the next page begins below the last number of a page.",
    ValueType::Whole,
);

pub(in crate::http) const EXCLUDE: CallOption =
    CallOption::new("exclude", "Checks that are left out, separated by commas.", ValueType::Texts);

pub(in crate::http) const HISTORY_LIMIT: CallOption = CallOption::new(
    "limit",
    "The largest number of changes or entries, 1 to 1000; the default is 100.",
    ValueType::Whole,
);

pub(in crate::http) const AUDIT_EVENT: CallOption = CallOption::new(
    "event",
    "Entries about this kind of event.",
    ValueType::Word(&EventKind::WORDS),
);

pub(in crate::http) const AUDIT_USER: CallOption =
    CallOption::new("user", "Entries about this user.", ValueType::Text);

pub(in crate::http) const AUDIT_ADDRESS: CallOption =
    CallOption::new("address", "Entries about clients with this IP address.", ValueType::Text);

pub(in crate::http) const AUDIT_SINCE: CallOption =
    CallOption::new("since", "Entries of this date or time (RFC 3339) or later.", ValueType::Text);

pub(in crate::http) const AUDIT_UNTIL: CallOption = CallOption::new(
    "until",
    "Entries of this date or time (RFC 3339) or earlier.",
    ValueType::Text,
);

pub(in crate::http) const AUDIT_TEXT: CallOption =
    CallOption::new("text", "Entries that contain this text.", ValueType::Text);

pub(in crate::http) const AUDIT_BELOW: CallOption = CallOption::new(
    "below",
    "Entries with smaller numbers: the next page begins below the last number of a page.",
    ValueType::Whole,
);

pub(in crate::http) const DIFF_SINCE: CallOption = CallOption::new(
    "since",
    "The first moment: the number of a change, or a date or time (RFC 3339).",
    ValueType::Text,
)
.need(Need::Required);

pub(in crate::http) const DIFF_TO: CallOption = CallOption::new(
    "to",
    "The second moment, in the same form. The default is now.",
    ValueType::Text,
);

pub(in crate::http) const TEXT_AT: CallOption = CallOption::new(
    "at",
    "The text as it was: after the change with this number, or at this date or time (RFC 3339).",
    ValueType::Text,
);

pub(in crate::http) const TEXT_FROM: CallOption = CallOption::new(
    "from",
    "The first text: the number of a change, or a date or time (RFC 3339). The default is the text before \
     the second one.",
    ValueType::Text,
);

pub(in crate::http) const TEXT_TO: CallOption = CallOption::new(
    "to",
    "The second text, in the same form. The default is the present text.",
    ValueType::Text,
);

pub(in crate::http) const AFTER: CallOption = CallOption::new(
    "after",
    "The changes with greater numbers than this one: `last` of the response before. Without it, the changes \
     from now on.",
    ValueType::Whole,
);

pub(in crate::http) const WAIT: CallOption = CallOption::new(
    "wait",
    "The seconds to wait for a change, 0 to 55; the default is 0. Not for events, which have no end.",
    ValueType::Whole,
);

pub(in crate::http) const AFTER_RECORD: CallOption = CallOption::new(
    "after",
    "Only the records after this one, given as type and name: device/R1. `next` has the value for the next \
     part.",
    ValueType::Text,
);

pub(in crate::http) const RECORDS_LIMIT: CallOption = CallOption::new(
    "limit",
    "The largest number of records, 1 to 10000; the default is 10000.",
    ValueType::Whole,
);

pub(in crate::http) const DRY_RUN: CallOption = CallOption::new(
    "dry_run",
    "Reports what would change without changing anything.",
    ValueType::Switch,
);

pub(in crate::http) const CHANGE: CallOption = CallOption::new(
    "change",
    "The number of the change to undo, as the history shows it. Without it, the last change is undone.",
    ValueType::Whole,
);

/// The value of [`ON_CONFLICT`] that keeps what was changed since.
pub(in crate::http) const KEEP: &str = "keep";

pub(in crate::http) const ON_CONFLICT: CallOption = CallOption::new(
    "on_conflict",
    "`refuse` (the default) changes nothing if something was changed since; `keep` leaves \
     that and undoes the rest.",
    ValueType::Word(&["refuse", KEEP]),
);

pub(in crate::http) const ON_ERROR: CallOption = CallOption::new(
    "on_error",
    "`fail` (the default) changes nothing if a record is invalid; `skip` imports the valid records.",
    ValueType::Word(&["fail", SKIP]),
);

pub(in crate::http) const ALLOW_EMPTY: CallOption = CallOption::new(
    "allow_empty",
    "Allows a replacement without any valid record, which only deletes records.",
    ValueType::Switch,
);

/// The manual of eNMS has `name`; the form of eNMS sends `export_filename`.
pub(in crate::http) const PROJECT_NAME: CallOption = CallOption {
    name: "name",
    aliases: &["export_filename"],
    about: "The project's name.",
    value: ValueType::ProjectName,
    need: Need::Required,
};

pub(in crate::http) const TYPES: CallOption = CallOption::new(
    "import_export_types",
    "The types to import or export. In a query or a form, separate them with commas.",
    ValueType::Kinds,
)
.need(Need::Required);

pub(in crate::http) const EMPTY_FIRST: CallOption = CallOption::new(
    "empty_database_before_import",
    "Deletes all records of the listed types in the same step.",
    ValueType::Switch,
);

/// The option that `--replace` of the command line sends.
pub(in crate::http) const KEEP_ABSENT: CallOption = CallOption::new(
    "keep_absent_types",
    "With a replacement: keeps the records of types that have no document or sheet.",
    ValueType::Switch,
);

pub(in crate::http) const SECRETS: CallOption = CallOption::new(
    "export_private_properties",
    "`false` leaves out passwords and keys. The default is true.",
    ValueType::Switch,
);

/// The example in the manual of eNMS sends one body to both calls.
pub(in crate::http) const OF_IMPORT: CallOption = EMPTY_FIRST
    .need(Need::Ignored)
    .about("Accepted and ignored, so that export and import can share one body.");

/// The example in the manual of eNMS sends one body to both calls.
pub(in crate::http) const OF_EXPORT: CallOption = SECRETS
    .need(Need::Ignored)
    .about("Accepted and ignored, so that export and import can share one body.");

/// The project form of eNMS sends it.
pub(in crate::http) const SKIP_POOL_UPDATE: CallOption = CallOption::new(
    "skip_pool_update",
    "Accepted and ignored, because the form of eNMS sends it. Pools are always computed.",
    ValueType::Switch,
)
.need(Need::Ignored);

/// Every form of eNMS sends it.
pub(in crate::http) const FORM_TYPE: CallOption = CallOption::new(
    "form_type",
    "Accepted and ignored, because the form of eNMS sends it.",
    ValueType::Text,
)
.need(Need::Ignored);

/// The manual of eNMS has `name`; the form of eNMS sends `export_filename`.
pub(in crate::http) const WORKBOOK_NAME: CallOption = CallOption {
    name: "name",
    aliases: &["export_filename"],
    about: "The workbook's name. Its extension determines the format; without an extension it is \
            .xls.",
    value: ValueType::WorkbookName,
    need: Need::Required,
};

pub(in crate::http) const TEMPLATE: CallOption = CallOption::new(
    "template",
    "Exports a template without records: headings with notes, lists of values, an example row.",
    ValueType::Switch,
);

pub(in crate::http) const REPLACE: CallOption = CallOption::new(
    "replace",
    "Deletes all devices and links in the same step; with `kind`, only that type.",
    ValueType::Switch,
);

/// The kinds of records that the rows of a table or sheet can be.
pub(in crate::http) const ROW_KIND: CallOption = CallOption::new(
    "kind",
    "The type of the rows of a table (.csv) or of the sheet to read.",
    ValueType::Word(&[Kind::Device.as_str(), Kind::Link.as_str()]),
);

pub(in crate::http) const SHEET: CallOption = CallOption::new(
    "sheet",
    "The name of the only sheet to read. The default is the sheets device and link. A table (.csv) has \
     no sheets, so the name is refused.",
    ValueType::Text,
);

pub(in crate::http) const HEADER_ROW: CallOption = CallOption::new(
    "header_row",
    "The row of the headings, from 1. The default is the row with a column name and the most known headings, of the first 20 rows.",
    ValueType::RowNumber,
);

pub(in crate::http) const MAP: CallOption = CallOption::new(
    "map",
    "The properties of headings: `Gerätename=name,Standort=location`, or a JSON object of the same.",
    ValueType::Mapping,
);

pub(in crate::http) const IGNORE: CallOption = CallOption::new(
    "ignore",
    "The headings of columns to ignore, separated by commas, or a JSON list.",
    ValueType::Headings,
);

pub(in crate::http) const SETUP_CODE: CallOption =
    CallOption::new("code", "The code of the set-up link.", ValueType::Text);

pub(in crate::http) const NEW_PASSWORD: CallOption =
    CallOption::new("password", "The new password.", ValueType::Text).need(Need::Required);

pub(in crate::http) const NEW_PASSWORD_AGAIN: CallOption =
    CallOption::new("again", "The new password once more.", ValueType::Text).need(Need::Required);

pub(in crate::http) const TOKEN_NAME: CallOption = CallOption::new(
    "name",
    "The name of the token, by which its user finds it again.",
    ValueType::Text,
)
.need(Need::Required);

pub(in crate::http) const SCOPE: CallOption =
    CallOption::new("scope", "The rights of the token, at most.", ValueType::Word(&Scope::WORDS))
        .need(Need::Required);

pub(in crate::http) const EXPIRES_DAYS: CallOption = CallOption::new(
    "expires_days",
    "The days until the token stops to work, 1 to 3650; the default is 90.",
    ValueType::Whole,
);

pub(in crate::http) const FROM: CallOption = CallOption::new(
    "from",
    "The networks from which the token can be used, separated by commas: `10.0.0.0/8,2001:db8::/32`.",
    ValueType::Text,
);
