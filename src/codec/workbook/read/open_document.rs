//! Corrections of a `.ods` before calamine reads it (OpenDocument 1.2, part 1).
//!
//! calamine expects cells to follow each other without white space, and adds all text in a cell to its
//! value. So text outside of paragraphs is removed. White space in paragraphs is collapsed (6.1.2),
//! and shapes in cells and rows are removed.
//!
//! A number that its format fills with zeros becomes the text that its cell shows.
//!
//! LibreOffice writes no type for a formula whose result is the empty text, only an empty paragraph.
//! calamine then finds no result. So such a cell gets the type of a text.

use std::io::{self, BufReader, Cursor, ErrorKind, Read, Write};

use quick_xml::events::{BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

use super::parts::{NewWorkbook, Parts};
use super::zero_mask::{SHOWN, is_filled};

/// The part with the cells.
const CONTENT: &str = "content.xml";

/// The parts that calamine reads without a correction.
const COPIED: [&str; 2] = ["mimetype", "META-INF/manifest.xml"];

/// Returns a workbook with the corrected cells. `None` if it is not a `.ods`, or is damaged or
/// encrypted: calamine reports the error.
pub(super) fn corrected(parts: &Parts<'_>) -> Option<Vec<u8>> {
    let content = parts.find(CONTENT)?;
    let mut workbook = NewWorkbook::new(Cursor::new(Vec::new()));
    for name in COPIED {
        parts.copy(parts.find(name)?, &mut workbook).ok()?;
    }
    parts.change(content, &mut workbook, correct).ok()?;
    Some(workbook.finish().ok()?.into_inner())
}

/// The position of the reader. Each position follows from the elements around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Outside of tables: nothing is changed.
    Document,
    /// In a table, a group of rows or a row.
    Table,
    Row,
    Cell,
    /// In a paragraph of a cell.
    Paragraph,
    /// In an element of a cell or row that is removed.
    Removed,
}

/// The state of the correction.
#[derive(Default)]
struct Correction {
    /// The position inside of each open element.
    open: Vec<Position>,
    /// True at the beginning of a paragraph and after a blank: further blanks are dropped there.
    is_after_blank: bool,
    /// The beginning of a formula without a type, until its first element is read.
    untyped: Option<BytesStart<'static>>,
    /// The beginning of a cell with a number, until its text is read.
    number: Option<NumberCell>,
}

/// The beginning of a cell with a number.
struct NumberCell {
    cell: BytesStart<'static>,
    paragraph: Option<BytesStart<'static>>,
    number: f64,
}

fn correct(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut reader = Reader::from_reader(BufReader::new(from));
    reader.config_mut().check_end_names = false;
    let mut writer = Writer::new(to);
    let mut correction = Correction::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        if matches!(event, Event::Eof) {
            return Ok(());
        }
        correction.event(event, &mut writer)?;
    }
}

/// Returns whether an element is a cell with a formula and without a type.
fn is_untyped(element: &BytesStart<'_>) -> io::Result<bool> {
    let invalid = |error| io::Error::new(ErrorKind::InvalidData, error);
    Ok(element.name().as_ref() == "table:table-cell"
        && element.try_get_attribute("table:formula").map_err(invalid)?.is_some()
        && element.try_get_attribute("office:value-type").map_err(invalid)?.is_none())
}

/// Returns the number of a cell of the type float.
fn number_of(element: &BytesStart<'_>) -> io::Result<Option<f64>> {
    let attribute = |name: &str| {
        let found = element.try_get_attribute(name);
        found.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    };
    if element.name().as_ref() != "table:table-cell"
        || attribute("office:value-type")?.is_none_or(|type_| type_.value != "float")
    {
        return Ok(None);
    }
    Ok(attribute("office:value")?.and_then(|value| value.value.parse().ok()))
}

/// Returns the beginning of a cell without its number, as a text.
fn as_text(cell: &BytesStart<'static>) -> io::Result<BytesStart<'static>> {
    let mut text = cell.clone();
    text.clear_attributes();
    for attribute in cell.attributes() {
        let attribute = attribute.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        if !matches!(attribute.key.as_ref(), "office:value" | "office:value-type") {
            text.push_attribute(attribute);
        }
    }
    text.push_attribute(("office:value-type", "string"));
    Ok(text)
}

impl Correction {
    fn position(&self) -> Position {
        self.open.last().copied().unwrap_or(Position::Document)
    }

    fn event(&mut self, event: Event<'_>, to: &mut Writer<impl Write>) -> io::Result<()> {
        let position = self.position();
        self.write_untyped(&event, to)?;
        match &event {
            Event::Start(element) if position == Position::Row && is_untyped(element)? => {
                self.open.push(Position::Cell);
                self.untyped = Some(element.clone().into_owned());
                return Ok(());
            }
            Event::Start(element) => {
                let inside = self.inside(element);
                self.open.push(inside);
                if inside == Position::Removed {
                    return Ok(());
                }
            }
            Event::Empty(element) if self.inside(element) == Position::Removed => return Ok(()),
            Event::Empty(_) => self.is_after_blank = false,
            Event::End(_) => {
                self.open.pop();
                if position == Position::Removed {
                    return Ok(());
                }
            }
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_)
                if position == Position::Document => {}
            Event::Text(text) => {
                if position == Position::Paragraph {
                    let text = self.collapsed(text);
                    return self.write(Event::Text(BytesText::from_escaped(text)), to);
                }
                return Ok(());
            }
            Event::CData(_) | Event::GeneralRef(_) => {
                if position != Position::Paragraph {
                    return Ok(());
                }
                self.is_after_blank = false;
            }
            Event::Comment(_) | Event::PI(_) if position != Position::Document => return Ok(()),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) | Event::Eof => {}
        }
        self.write(event, to)
    }

    /// Writes an event. The beginning of a cell with a number is written when the next events show
    /// whether its format fills the number with zeros.
    fn write(&mut self, event: Event<'_>, to: &mut Writer<impl Write>) -> io::Result<()> {
        let Some(mut held) = self.number.take() else {
            if let Event::Start(cell) = &event
                && let Some(number) = number_of(cell)?
            {
                let cell = cell.clone().into_owned();
                self.number = Some(NumberCell { cell, paragraph: None, number });
                return Ok(());
            }
            return to.write_event(event);
        };
        match (&event, &held.paragraph) {
            (Event::Start(element), None) if element.name().as_ref() == "text:p" => {
                held.paragraph = Some(element.clone().into_owned());
                self.number = Some(held);
                return Ok(());
            }
            (Event::Text(text), Some(paragraph)) if is_filled(held.number, text) => {
                to.write_event(Event::Start(as_text(&held.cell)?))?;
                to.write_event(Event::Start(paragraph.clone()))?;
                return to.write_event(Event::Text(BytesText::new(&format!("{SHOWN}{}", &**text))));
            }
            _ => {}
        }
        to.write_event(Event::Start(held.cell))?;
        if let Some(paragraph) = held.paragraph {
            to.write_event(Event::Start(paragraph))?;
        }
        to.write_event(event)
    }

    /// Writes the beginning of a formula without a type when the next element shows whether it has a
    /// result.
    fn write_untyped(&mut self, next: &Event<'_>, to: &mut Writer<impl Write>) -> io::Result<()> {
        let has_result = match next {
            Event::Start(element) | Event::Empty(element) => {
                matches!(element.name().as_ref(), "text:p" | "text:h")
            }
            Event::End(_) => false,
            _ => return Ok(()),
        };
        let Some(mut cell) = self.untyped.take() else { return Ok(()) };
        if has_result {
            cell.push_attribute(("office:value-type", "string"));
        }
        to.write_event(Event::Start(cell))
    }

    /// The position inside of an element.
    fn inside(&mut self, element: &BytesStart<'_>) -> Position {
        let name = element.name();
        let name: &str = name.as_ref();
        let is_cell = matches!(name, "table:table-cell" | "table:covered-table-cell");
        match self.position() {
            Position::Document if name == "table:table" => Position::Table,
            Position::Document => Position::Document,
            Position::Table if name == "table:table-row" => Position::Row,
            Position::Table if name == "table:shapes" => Position::Removed,
            Position::Table => Position::Table,
            Position::Row if is_cell => Position::Cell,
            Position::Cell if matches!(name, "text:p" | "text:h") => {
                self.is_after_blank = true;
                Position::Paragraph
            }
            Position::Paragraph if name != "office:annotation" => Position::Paragraph,
            Position::Row | Position::Cell | Position::Paragraph | Position::Removed => {
                Position::Removed
            }
        }
    }

    /// Collapses white space: a run of blanks, tabs and line ends becomes one blank, and none at the
    /// beginning of a paragraph.
    fn collapsed(&mut self, text: &str) -> String {
        let mut collapsed = String::with_capacity(text.len());
        for character in text.chars() {
            let is_blank = matches!(character, ' ' | '\t' | '\r' | '\n');
            if !is_blank {
                collapsed.push(character);
            } else if !self.is_after_blank {
                collapsed.push(' ');
            }
            self.is_after_blank = is_blank;
        }
        collapsed
    }
}
