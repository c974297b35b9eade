//! One sheet: what stands before its rows, the rows, what stands behind.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

use super::super::Format;
use super::super::cell::{Cell, CellError, column_name};
use super::super::look::CellLook;
use super::super::write::{self, Mark, Marked, Style, WriteError};
use super::{parts, text};
use crate::codec::zip::{Piece, PieceWriter};

/// How much XML is gathered before it is packed.
const XML_BYTES: usize = 64 << 10;

/// What Excel adds to the width of a column for its margins, in characters of its standard font:
/// five of a character's seven pixels, in steps of a 256th.
const MARGIN_CHARACTERS: f64 = 182.0 / 256.0;

/// The largest whole number that is spelled out: all up to it are exact.
const SPELLED_OUT_MAX: f64 = (1_u64 << 53) as f64;

/// Excel's own, in inches.
const MARGINS: &str = "<pageMargins left=\"0.7\" right=\"0.7\" top=\"0.75\" bottom=\"0.75\" \
                       header=\"0.3\" footer=\"0.3\"/>";

/// The place of a look is one digit.
const _: () = assert!(2 * CellLook::ALL.len() <= 10);

/// A sheet whose rows are written.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    /// The packed rows, and where they begin in the file of rows.
    pub(super) rows: Piece,
    pub(super) rows_at: u64,
    /// How many rows there are, the header among them.
    count: u32,
    look: write::Look,
}

/// A sheet whose rows are being written.
#[derive(Debug)]
pub(super) struct Rows {
    name: String,
    packed: PieceWriter<Arc<File>>,
    at: u64,
    bytes_max: u64,
    /// What is not packed yet.
    xml: Vec<u8>,
    /// How cells begin, by their column: `<c r="AB`.
    columns: Vec<String>,
    /// How they go on, in this row: `17" s="`.
    row: String,
    /// How many rows are ended.
    count: u32,
    state: State,
}

/// Whether the row has cells as yet. One that has none is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Empty,
    Begun,
}

impl Rows {
    /// Begins a sheet whose rows go to the end of `scratch`.
    pub(super) fn new(name: &str, scratch: Arc<File>, bytes_max: u64) -> io::Result<Self> {
        let at = (&*scratch).seek(io::SeekFrom::End(0))?;
        Ok(Self {
            name: name.to_owned(),
            packed: PieceWriter::new(scratch),
            at,
            bytes_max,
            xml: Vec::with_capacity(2 * XML_BYTES),
            columns: Vec::new(),
            row: String::new(),
            count: 0,
            state: State::Empty,
        })
    }

    /// Adds a cell to the row, to the right of those before it.
    pub(super) fn cell(
        &mut self,
        column: u16,
        marked: &Marked<'_>,
        style: Style,
    ) -> Result<(), WriteError> {
        let Marked { cell, mark } = marked;
        if (cell, *mark) == (&Cell::Empty, Mark::None) {
            return Ok(());
        }
        if self.state == State::Empty {
            self.state = State::Begun;
            let row = self.count + 1;
            write!(self.xml, "<row r=\"{row}\">")?;
            self.row = format!("{row}\" s=\"");
        }
        let column = usize::from(column);
        while self.columns.len() <= column {
            self.columns.push(format!("<c r=\"{}", column_name(self.columns.len() as u32)));
        }
        self.xml.extend_from_slice(self.columns[column].as_bytes());
        self.xml.extend_from_slice(self.row.as_bytes());
        self.xml.push(b'0' + CellLook::of(cell, style).place(*mark) as u8);
        content(cell, &mut self.xml)?;
        if self.xml.len() < XML_BYTES { Ok(()) } else { self.pack() }
    }

    pub(super) fn end_row(&mut self) {
        if self.state == State::Begun {
            self.xml.extend_from_slice(b"</row>");
            self.state = State::Empty;
        }
        self.count += 1;
    }

    pub(super) fn finish(mut self, look: write::Look) -> Result<Sheet, WriteError> {
        self.pack()?;
        let Self { name, packed, at, count, .. } = self;
        let (_, rows) = packed.finish()?;
        Ok(Sheet { name, rows, rows_at: at, count, look })
    }

    fn pack(&mut self) -> Result<(), WriteError> {
        self.packed.write_all(&self.xml)?;
        self.xml.clear();
        let bytes = self.packed.unpacked().max(self.at + self.packed.packed());
        if bytes > self.bytes_max {
            return Err(WriteError::Long { bytes_max: self.bytes_max, format: Format::Xlsx });
        }
        Ok(())
    }
}

/// Adds what a cell holds, behind the number of its look.
fn content(cell: &Cell<'_>, xml: &mut Vec<u8>) -> io::Result<()> {
    match cell {
        Cell::Empty => xml.extend_from_slice(b"\"/>"),
        Cell::Text(text) => text_content(text, xml),
        Cell::Formula(formula) => text_content(&format!("={formula}"), xml),
        // What is no number to Excel can not stand where one does.
        Cell::Number(number) | Cell::Date(number) | Cell::Duration(number)
            if !number.is_finite() =>
        {
            error_content(CellError::Number, xml);
        }
        Cell::Number(number) | Cell::Date(number) | Cell::Duration(number) => {
            xml.extend_from_slice(b"\"><v>");
            // Both are the shortest that is read as the same number.
            if number.fract() == 0.0 && number.abs() <= SPELLED_OUT_MAX {
                write!(xml, "{number}")?
            } else {
                write!(xml, "{number:?}")?
            }
            xml.extend_from_slice(b"</v></c>");
        }
        Cell::Bool(true) => xml.extend_from_slice(b"\" t=\"b\"><v>1</v></c>"),
        Cell::Bool(false) => xml.extend_from_slice(b"\" t=\"b\"><v>0</v></c>"),
        Cell::Error(error) => error_content(*error, xml),
    }
    Ok(())
}

fn text_content(text: &str, xml: &mut Vec<u8>) {
    xml.extend_from_slice(if text::is_trimmed(text) {
        b"\" t=\"inlineStr\"><is><t xml:space=\"preserve\">"
    } else {
        b"\" t=\"inlineStr\"><is><t>"
    });
    text::push(text, xml);
    xml.extend_from_slice(b"</t></is></c>");
}

fn error_content(error: CellError, xml: &mut Vec<u8>) {
    let error = match error {
        // Of a value that is on its way. calamine takes a workbook with it for damaged, and
        // openpyxl does not know it for an error.
        CellError::GettingData => CellError::NotAvailable,
        CellError::Null
        | CellError::DivisionByZero
        | CellError::Value
        | CellError::Reference
        | CellError::Name
        | CellError::Number
        | CellError::NotAvailable => error,
    };
    xml.extend_from_slice(b"\" t=\"e\"><v>");
    xml.extend_from_slice(error.word().as_bytes());
    xml.extend_from_slice(b"</v></c>");
}

impl Sheet {
    /// What stands before the rows of the sheet, which is the `number`th from 1.
    pub(super) fn before(&self, number: usize) -> String {
        let size = match self.look.widths.len() {
            0 => "A1".to_owned(),
            columns => area(self.count, columns as u32, |column, row| format!("{column}{row}")),
        };
        // The first is seen when the workbook is opened.
        let chosen = if number == 1 { " tabSelected=\"1\"" } else { "" };
        let begin = parts::BEGIN;
        let namespace = parts::NAMESPACE;
        format!(
            "{begin}<worksheet xmlns=\"{namespace}\"><dimension ref=\"{size}\"/><sheetViews>\
             <sheetView{chosen} workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" \
             activePane=\"bottomLeft\" state=\"frozen\"/><selection pane=\"bottomLeft\" \
             activeCell=\"A2\" sqref=\"A2\"/></sheetView></sheetViews><sheetFormatPr \
             defaultRowHeight=\"15\"/>{}<sheetData>",
            self.columns()
        )
    }

    /// The widths of columns, equal ones that stand side by side together, and their look: what
    /// is typed into an empty cell stays a text, too.
    fn columns(&self) -> String {
        let look = CellLook::Text.place(Mark::None);
        let mut columns = String::new();
        let mut last = 0;
        for equal in self.look.widths.chunk_by(|one, other| one == other) {
            let first = last + 1;
            last += equal.len();
            let width = equal.first().map_or(0.0, |width| *width as f64) + MARGIN_CHARACTERS;
            columns += &format!(
                "<col min=\"{first}\" max=\"{last}\" width=\"{width}\" style=\"{look}\" \
                 customWidth=\"1\"/>"
            );
        }
        if columns.is_empty() { columns } else { format!("<cols>{columns}</cols>") }
    }

    /// What stands behind the rows.
    pub(super) fn behind(&self) -> String {
        let filter = self.filtered(|column, row| format!("{column}{row}"));
        let filter = filter.map(|area| format!("<autoFilter ref=\"{area}\"/>"));
        format!("</sheetData>{}{MARGINS}</worksheet>", filter.unwrap_or_default())
    }

    /// What the filter is about as formulas name it, `'a sheet'!$A$1:$B$9`. `None` where there is
    /// no filter.
    pub(super) fn filter(&self) -> Option<String> {
        let area = self.filtered(|column, row| format!("${column}${row}"))?;
        Some(format!("'{}'!{area}", self.name.replace('\'', "''")))
    }

    fn filtered(&self, corner: impl Fn(String, u32) -> String) -> Option<String> {
        let columns = self.look.header_columns;
        (columns > 0).then(|| area(self.count, columns, corner))
    }
}

/// The area of so many rows and columns, at least one of each, from its first corner to its last.
fn area(rows: u32, columns: u32, corner: impl Fn(String, u32) -> String) -> String {
    let last = columns.saturating_sub(1);
    format!("{}:{}", corner(column_name(0), 1), corner(column_name(last), rows.max(1)))
}
