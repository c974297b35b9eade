//! [`SheetSink`]: the trait of a workbook format that can be written.

use std::fmt;
use std::io::{Read, Seek, Write};

use super::column_guide::ColumnGuide;
use super::error::WriteError;
use super::layout::SheetLayout;
use super::marked::MarkedCell;
use super::style::RowKind;

/// Writes one workbook in one format.
///
/// [`WorkbookWriter`](super::WorkbookWriter) is the only caller. It calls the methods in this order:
/// for each sheet `begin_sheet`, for each row `write_cell` with ascending columns and `end_row`, after
/// the header possibly `guide_column`, then
/// `end_sheet`; at last `finish`. It has checked names, rows, columns and texts against the limits
/// of [`Format`](super::Format). After an error no method is called any more.
pub(super) trait SheetSink: fmt::Debug + Send {
    /// Begins a sheet. Its name is valid and differs from the others.
    fn begin_sheet(&mut self, name: &str) -> Result<(), WriteError>;

    /// Writes a cell of the current row. An empty cell without a mark needs no output.
    fn write_cell(
        &mut self,
        column: u16,
        cell: &MarkedCell<'_>,
        row: RowKind,
    ) -> Result<(), WriteError>;

    /// Adds the note and the rules of a column of the header.
    fn guide_column(&mut self, column: u16, guide: &ColumnGuide) -> Result<(), WriteError>;

    /// Ends the current row.
    fn end_row(&mut self) -> Result<(), WriteError>;

    /// Ends the current sheet. The layout is complete now.
    fn end_sheet(&mut self, layout: SheetLayout) -> Result<(), WriteError>;

    /// Writes the workbook to `out`, which is empty.
    fn finish(self: Box<Self>, out: &mut dyn OutputFile) -> Result<(), WriteError>;
}

/// A file that a workbook can be written to.
pub trait OutputFile: Read + Write + Seek + Send {}

impl<F: Read + Write + Seek + Send> OutputFile for F {}
