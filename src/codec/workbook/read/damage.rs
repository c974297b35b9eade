//! The words for errors of calamine. Its own messages contain names of its types and Debug output.

use std::io;

use calamine::{OdsError, XlsError, XlsbError, XlsxError};

use super::super::frame::Stop;
use super::super::refusal::Refusal;

/// The words of calamine's messages for a container that is shorter than it declares. Its type for
/// these errors is private.
const SHORT_CONTAINER: [&str; 2] = ["past end of file", "is too small"];

const NOT_READABLE: &str = "a part of it cannot be unpacked";
const NOT_XML: &str = "a part of it is not valid XML";
const NOT_A_NUMBER: &str = "a number in it is not valid";
const NOT_AN_ADDRESS: &str = "the address of a cell is not valid";
const OTHER: &str = "a part of it does not follow the format";

/// Returns the refusal of a damaged workbook.
pub(super) fn damaged(error: impl Into<Damage>) -> Stop {
    let Damage(refusal) = error.into();
    refusal.into()
}

/// The refusal for an error of calamine.
pub(super) struct Damage(Refusal);

impl Damage {
    fn because(reason: impl Into<String>) -> Self {
        Self(Refusal::Damaged { reason: reason.into() })
    }

    fn missing_part(part: &str) -> Self {
        Self::because(format!("its part '{part}' is missing"))
    }

    fn missing_sheet(sheet: &str) -> Self {
        Self::because(format!("the sheet '{sheet}' is missing"))
    }

    fn of_io(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::because("a part of it ends too early")
        } else {
            Self::because(NOT_READABLE)
        }
    }
}

impl From<OdsError> for Damage {
    fn from(error: OdsError) -> Self {
        match error {
            OdsError::Io(error) => Self::of_io(&error),
            OdsError::Zip(_) => Self::because(NOT_READABLE),
            OdsError::Xml(_)
            | OdsError::XmlAttr(_)
            | OdsError::AttrError(_)
            | OdsError::EncodingError(_) => Self::because(NOT_XML),
            OdsError::ParseInt(_) | OdsError::ParseFloat(_) | OdsError::ParseBool(_) => {
                Self::because(NOT_A_NUMBER)
            }
            OdsError::FileNotFound(part) => Self::missing_part(part),
            OdsError::Eof(element) => {
                Self::because(format!("it ends inside of the element '{element}'"))
            }
            OdsError::Mismatch { expected, .. } => {
                Self::because(format!("it has another element instead of '{expected}'"))
            }
            OdsError::WorksheetNotFound(sheet) => Self::missing_sheet(&sheet),
            OdsError::CellLimitExceeded { .. } => {
                Self::because("a sheet declares more cells than can be read")
            }
            _ => Self::because(OTHER),
        }
    }
}

impl From<XlsbError> for Damage {
    fn from(error: XlsbError) -> Self {
        match error {
            XlsbError::Io(error) => Self::of_io(&error),
            XlsbError::Zip(_) => Self::because(NOT_READABLE),
            XlsbError::Xml(_) | XlsbError::XmlAttr(_) | XlsbError::Encoding(_) => {
                Self::because(NOT_XML)
            }
            XlsbError::FileNotFound(part) => Self::missing_part(&part),
            XlsbError::WideStr { .. } => Self::because("a text in it ends too early"),
            XlsbError::WorksheetNotFound(sheet) => Self::missing_sheet(&sheet),
            _ => Self::because(OTHER),
        }
    }
}

impl From<XlsxError> for Damage {
    fn from(error: XlsxError) -> Self {
        match error {
            XlsxError::Io(error) => Self::of_io(&error),
            XlsxError::Zip(_) => Self::because(NOT_READABLE),
            XlsxError::Xml(_) | XlsxError::XmlAttr(_) => Self::because(NOT_XML),
            XlsxError::ParseInt(_) | XlsxError::ParseFloat(_) => Self::because(NOT_A_NUMBER),
            XlsxError::XmlEof(element) => {
                Self::because(format!("it ends inside of the element '{element}'"))
            }
            XlsxError::FileNotFound(part) => Self::missing_part(&part),
            XlsxError::Alphanumeric(_)
            | XlsxError::NumericColumn(_)
            | XlsxError::RangeWithoutColumnComponent
            | XlsxError::RangeWithoutRowComponent
            | XlsxError::ColumnNumberOverflow
            | XlsxError::RowNumberOverflow
            | XlsxError::DimensionCount(_) => Self::because(NOT_AN_ADDRESS),
            XlsxError::CellTAttribute(cell_type) => {
                Self::because(format!("a cell has the unknown type '{cell_type}'"))
            }
            XlsxError::WorksheetNotFound(sheet) => Self::missing_sheet(&sheet),
            _ => Self::because(OTHER),
        }
    }
}

impl From<XlsError> for Damage {
    fn from(error: XlsError) -> Self {
        match error {
            XlsError::Io(error) => Self::of_io(&error),
            XlsError::Cfb(error) => {
                let message = error.to_string();
                if SHORT_CONTAINER.iter().any(|words| message.contains(words)) {
                    Self(Refusal::CutOff)
                } else {
                    Self::because("its container (OLE2) has no workbook that can be read")
                }
            }
            XlsError::Len { .. } | XlsError::EoStream(_) | XlsError::ContinueRecordTooShort => {
                Self::because("a record in it ends too early")
            }
            XlsError::WorksheetNotFound(sheet) => Self::missing_sheet(&sheet),
            _ => Self::because(OTHER),
        }
    }
}
