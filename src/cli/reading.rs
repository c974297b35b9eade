//! The options of `import` and `diff` for reading a workbook or table.

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::input::Input;
use crate::http::paths::percent_encode;

/// The sheet to read, the type of its records, and the row of its header.
#[derive(Args, Clone, Debug)]
pub(super) struct ReadArgs {
    /// The type of the rows of a table (.csv), or of the sheet to read
    #[arg(long, value_name = "TYPE")]
    kind: Option<RowKind>,

    /// Read only this sheet of the workbook
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,

    /// The row of the headings, from 1, if it is not found among the first 20 rows
    #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(u32).range(1..))]
    header_row: Option<u32>,
}

/// The type of the records in a table or sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RowKind {
    Device,
    Link,
}

impl RowKind {
    fn word(self) -> &'static str {
        match self {
            RowKind::Device => "device",
            RowKind::Link => "link",
        }
    }
}

impl ReadArgs {
    /// Refuses the options if the input is not a workbook or table.
    ///
    /// # Errors
    /// An error with the first of these options.
    pub(super) fn check(&self, input: &Input) -> anyhow::Result<()> {
        let flags = [
            ("--sheet", self.sheet.is_some()),
            ("--kind", self.kind.is_some()),
            ("--header-row", self.header_row.is_some()),
        ];
        let first = flags.into_iter().find(|(_, is_set)| *is_set);
        match (input, first) {
            (Input::Workbook { .. }, _) | (_, None) => Ok(()),
            (Input::Bundle(_) | Input::Folder(_) | Input::LibraryProject(_), Some((flag, _))) => {
                bail!("{flag} is for workbooks and tables (.csv)")
            }
        }
    }

    /// The options as parameters of a query, each after a `&`.
    pub(super) fn parameters(&self) -> String {
        let parameters = [
            ("sheet", self.sheet.clone()),
            ("kind", self.kind.map(|kind| kind.word().to_owned())),
            ("header_row", self.header_row.map(|row| row.to_string())),
        ];
        let sent = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        sent.map(|(name, value)| format!("&{name}={}", percent_encode(&value))).collect()
    }
}
