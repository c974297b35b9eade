//! The two formats that are written.

use std::fmt;

/// A format of workbooks that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Excel 97 to 2003: BIFF8 in an OLE2 container. What eNMS reads and writes.
    Xls,
    /// Excel 2007 and later: zipped XML.
    Xlsx,
}

/// A name whose ending is no format that can be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a workbook ends in .xls or .xlsx, and not in '.{ending}'")]
pub struct FormatUnknown {
    /// What stands behind the last dot.
    pub ending: String,
}

impl Format {
    /// Both, the one that is meant when nothing is said first.
    pub const ALL: [Self; 2] = [Self::Xls, Self::Xlsx];

    /// The format that a file of this name has, whatever the case of its ending: `.xls` where
    /// there is no ending.
    ///
    /// # Errors
    /// The name has another ending.
    pub fn of_name(name: &str) -> Result<Self, FormatUnknown> {
        let Some((_, ending)) = name.rsplit_once('.') else { return Ok(Self::Xls) };
        let found =
            Self::ALL.into_iter().find(|format| ending.eq_ignore_ascii_case(format.ending()));
        found.ok_or_else(|| FormatUnknown { ending: ending.to_owned() })
    }

    /// What stands behind the last dot of a name: `xls` or `xlsx`.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Xls => "xls",
            Self::Xlsx => "xlsx",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Xls => "application/vnd.ms-excel",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// How many rows a sheet can have, the header among them.
    pub fn rows_max(self) -> u32 {
        match self {
            Self::Xls => 65_536,
            Self::Xlsx => 1_048_576,
        }
    }

    /// How many columns a sheet can have.
    pub fn columns_max(self) -> u32 {
        match self {
            Self::Xls => 256,
            Self::Xlsx => 16_384,
        }
    }

    /// What a person can do whose records do not fit, as the end of a sentence.
    pub(super) fn way_out(self) -> &'static str {
        match self {
            Self::Xls => {
                "a name that ends in .xlsx gives a workbook that holds more, and a project's \
                 export has no such limit"
            }
            Self::Xlsx => "a project's export has no such limit",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".{}", self.ending())
    }
}
