//! Guides of columns: the notes and rules that help a person to fill in an empty sheet.

/// The note on the heading of a column, and the values that its cells accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnGuide {
    /// The text of the note.
    pub note: String,
    /// The values that a spreadsheet program accepts in the column.
    pub values: AcceptedValues,
}

/// The values that a spreadsheet program accepts in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptedValues {
    /// Any value. It stays a text.
    Texts,
    /// Any value. A number stays a number.
    Anything,
    /// Integers.
    Integers,
    /// TRUE or FALSE, from a list.
    Booleans,
    /// The values of a list are offered. Other values are accepted after a question.
    Listed(&'static [&'static str]),
}
