//! The options of the calls that change something, each defined once.

use crate::http::route::{CallOption, Need, ValueType};
use crate::model::Kind;

/// The value of [`ON_ERROR`] that imports the good records.
pub(in crate::http) const SKIP: &str = "skip";

pub(in crate::http) const ATOMIC: CallOption =
    CallOption::new("atomic", "All objects are taken, or none is.", ValueType::Switch);

pub(in crate::http) const PROPERTY: CallOption = CallOption::new(
    "property",
    "Which text: configuration (the default), operational_data, …",
    ValueType::Text,
);

pub(in crate::http) const DRY_RUN: CallOption = CallOption::new(
    "dry_run",
    "Reports what would change, and changes nothing.",
    ValueType::Switch,
);

pub(in crate::http) const ON_ERROR: CallOption = CallOption::new(
    "on_error",
    "`fail` (the default) changes nothing if a record is wrong; `skip` imports the other records.",
    ValueType::Word(&["fail", SKIP]),
);

pub(in crate::http) const ALLOW_EMPTY: CallOption = CallOption::new(
    "allow_empty",
    "Allows a replacement that holds no readable record, and so only removes records.",
    ValueType::Switch,
);

/// The manual says `name`; eNMS's own form sends `export_filename`.
pub(in crate::http) const PROJECT_NAME: CallOption = CallOption {
    name: "name",
    aliases: &["export_filename"],
    about: "The project's name.",
    value: ValueType::ProjectName,
    need: Need::Required,
};

pub(in crate::http) const TYPES: CallOption = CallOption::new(
    "import_export_types",
    "The types to import or export; in a query or a form with commas between them.",
    ValueType::Kinds,
)
.need(Need::Required);

pub(in crate::http) const EMPTY_FIRST: CallOption = CallOption::new(
    "empty_database_before_import",
    "Empties the listed types in the same step.",
    ValueType::Switch,
);

/// The command line's `--replace`.
pub(in crate::http) const KEEP_ABSENT: CallOption = CallOption::new(
    "keep_absent_types",
    "With a replacement: types without a document or a sheet keep their records.",
    ValueType::Switch,
);

pub(in crate::http) const SECRETS: CallOption = CallOption::new(
    "export_private_properties",
    "`false` leaves passwords and keys out. The default is true.",
    ValueType::Switch,
);

/// The manual's example sends one body to both calls.
pub(in crate::http) const OF_IMPORT: CallOption =
    EMPTY_FIRST.need(Need::Ignored).about("Accepted because one body may go to both calls.");

/// The manual's example sends one body to both calls.
pub(in crate::http) const OF_EXPORT: CallOption =
    SECRETS.need(Need::Ignored).about("Accepted because one body may go to both calls.");

/// eNMS's own form for projects sends it.
pub(in crate::http) const SKIP_POOL_UPDATE: CallOption = CallOption::new(
    "skip_pool_update",
    "Accepted because eNMS's form sends it. Pools are always computed.",
    ValueType::Switch,
)
.need(Need::Ignored);

/// Each of eNMS's own forms sends it.
pub(in crate::http) const FORM_TYPE: CallOption =
    CallOption::new("form_type", "Accepted because eNMS's form sends it.", ValueType::Text)
        .need(Need::Ignored);

/// The manual says `name`; eNMS's own form sends `export_filename`.
pub(in crate::http) const WORKBOOK_NAME: CallOption = CallOption {
    name: "name",
    aliases: &["export_filename"],
    about: "The workbook's name; its ending says the format, and none means .xls.",
    value: ValueType::WorkbookName,
    need: Need::Required,
};

pub(in crate::http) const REPLACE: CallOption = CallOption::new(
    "replace",
    "Empties devices and links in the same step; with a table only the type that it holds.",
    ValueType::Switch,
);

/// The kinds that a table can hold. A workbook's sheets name their kinds themselves.
pub(in crate::http) const TABLE: CallOption = CallOption::new(
    "kind",
    "What the rows of a table (.csv) are.",
    ValueType::Word(&[Kind::Device.as_str(), Kind::Link.as_str()]),
);
