//! Guides of columns: notes and data validation.

use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, DataValidationRule, Format, Note, Worksheet,
    XlsxError,
};

use super::super::column_guide::{AcceptedValues, ColumnGuide};
use super::super::limits::READ_ROWS_MAX;

/// The size of a note, in pixels. The longest notes have about 400 characters.
const NOTE_WIDTH: u32 = 320;
const NOTE_HEIGHT: u32 = 150;

/// Number of Excel's built-in number format of integers (ECMA-376 part 1, 18.8.30).
const FORMAT_INTEGER: u8 = 1;

/// Adds the note of a column to its heading, and its rules to all rows below.
pub(super) fn add(
    sheet: &mut Worksheet,
    column: u16,
    guide: &ColumnGuide,
) -> Result<(), XlsxError> {
    let note = Note::new(&guide.note).add_author_prefix(false);
    sheet.insert_note(0, column, &note.set_width(NOTE_WIDTH).set_height(NOTE_HEIGHT))?;
    match guide.values {
        // The format of every column is that of texts.
        AcceptedValues::Texts | AcceptedValues::Listed(_) => {}
        AcceptedValues::Anything | AcceptedValues::Booleans => {
            sheet.set_column_format(column, &Format::new().set_num_format("General"))?;
        }
        AcceptedValues::Integers => {
            let format = Format::new().set_num_format_index(FORMAT_INTEGER);
            sheet.set_column_format(column, &format)?;
        }
    }
    if let Some(rule) = validation(&guide.values)? {
        sheet.add_data_validation(1, column, READ_ROWS_MAX - 1, column, &rule)?;
    }
    Ok(())
}

/// The rule of the values. `None` if every value is accepted.
fn validation(values: &AcceptedValues) -> Result<Option<DataValidation>, XlsxError> {
    let rule = DataValidation::new();
    let rule = match values {
        AcceptedValues::Texts | AcceptedValues::Anything => return Ok(None),
        AcceptedValues::Integers => rule
            .allow_whole_number(DataValidationRule::Between(i32::MIN, i32::MAX))
            .set_error_title("Not an integer")?
            .set_error_message("Write digits, for example 22.")?,
        AcceptedValues::Booleans => rule
            .allow_list_strings(&["TRUE", "FALSE"])?
            .set_error_title("Not a boolean")?
            .set_error_message("Write TRUE or FALSE.")?,
        AcceptedValues::Listed(values) => rule
            .allow_list_strings(values)?
            .set_error_style(DataValidationErrorStyle::Information)
            .set_error_title("Not in the list")?
            .set_error_message("The value is not in the list. Use it nevertheless?")?,
    };
    Ok(Some(rule))
}
