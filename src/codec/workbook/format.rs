//! The workbook formats that Satchel writes.

use std::fmt;

/// A workbook format that Satchel writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Excel 97 to 2003: BIFF8 in an OLE2 container. eNMS reads and writes it.
    Xls,
    /// Excel 2007 and later: zipped XML.
    Xlsx,
}

/// A file name whose extension is not one of the formats.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'.{extension}' is not a workbook format that Satchel writes. Use .xls or .xlsx")]
pub struct UnknownFormat {
    /// The text after the last dot.
    pub extension: String,
}

impl Format {
    /// Every format, the default one first.
    pub const ALL: [Self; 2] = [Self::Xls, Self::Xlsx];

    /// Returns the format for the extension of a file name, in upper or lower case. A name without
    /// an extension means `.xls`.
    ///
    /// # Errors
    /// [`UnknownFormat`] if the name has another extension.
    pub fn of_name(name: &str) -> Result<Self, UnknownFormat> {
        let Some((_, extension)) = name.rsplit_once('.') else { return Ok(Self::Xls) };
        Self::ALL
            .into_iter()
            .find(|format| extension.eq_ignore_ascii_case(format.extension()))
            .ok_or_else(|| UnknownFormat { extension: extension.to_owned() })
    }

    /// The extension of file names, without the dot: `xls` or `xlsx`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Xls => "xls",
            Self::Xlsx => "xlsx",
        }
    }

    /// The media type for `Content-Type` and `Accept`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Xls => "application/vnd.ms-excel",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The maximum number of rows of a sheet, including the header.
    pub fn rows_max(self) -> u32 {
        match self {
            Self::Xls => 65_536,
            Self::Xlsx => 1_048_576,
        }
    }

    /// The maximum number of columns of a sheet.
    pub fn columns_max(self) -> u32 {
        match self {
            Self::Xls => 256,
            Self::Xlsx => 16_384,
        }
    }

    /// A sentence about an export with higher limits, for error messages.
    pub(super) fn larger_alternative(self) -> &'static str {
        match self {
            Self::Xls => {
                "Use a name that ends in .xlsx, which holds more, or a project export, which has \
                 no such limit"
            }
            Self::Xlsx => "A project export has no such limit",
        }
    }
}

impl fmt::Display for Format {
    /// Writes the extension with its dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".{}", self.extension())
    }
}
