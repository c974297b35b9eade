//! Content of a `.xlsx` that calamine does not return, and a correction before calamine reads it
//! (ECMA-376, part 1).

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read, Write};

use memchr::memmem::Finder;
use quick_xml::events::{BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

use super::super::cell::CellError;
use super::parts::{NewWorkbook, Part, Parts};

/// The end of the name of the part that lists the sheets.
const WORKBOOK: &str = "workbook.xml";
const SHEETS: &str = "/worksheets/";

/// Number of bytes of a sheet that are searched at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// The longest attribute that is searched, less one byte.
const OVERLAP_BYTES: usize = 8;

/// Returns whether all formulas are calculated when the workbook is opened (18.2.2). Libraries that
/// cannot calculate write this, and the value 0 for each formula.
pub(super) fn is_uncalculated(parts: &Parts<'_>) -> bool {
    let mut workbooks = parts.iter().filter(|part| {
        let name = part.name.replace('\\', "/").to_ascii_lowercase();
        name.rsplit('/').next() == Some(WORKBOOK)
    });
    workbooks.any(|part| calculates_on_load(parts, part).unwrap_or(false))
}

fn calculates_on_load(parts: &Parts<'_>, part: &Part) -> io::Result<bool> {
    let mut reader = Reader::from_reader(BufReader::new(parts.reader(part)?));
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(invalid)? {
            Event::Start(element) | Event::Empty(element)
                if element.local_name().as_ref() == "calcPr" =>
            {
                let value = attribute(&element, "fullCalcOnLoad")?;
                return Ok(matches!(value.as_deref(), Some("1" | "true")));
            }
            Event::Eof => return Ok(false),
            _ => {}
        }
    }
}

/// Returns a workbook in which errors that calamine does not know are texts of formulas: calamine
/// refuses the whole workbook because of one. `None` if there is none, or if a part is damaged.
pub(super) fn corrected(parts: &Parts<'_>) -> Option<Vec<u8>> {
    let is_sheet = |part: &&Part| {
        let name = part.name.replace('\\', "/").to_ascii_lowercase();
        name.contains(SHEETS) && name.ends_with(".xml")
    };
    let has_unknown = |part: &Part| {
        has_errors(parts, part).and_then(|has_errors| {
            if !has_errors {
                return Ok(false);
            }
            let mut unknown = 0;
            correct(&mut *parts.reader(part)?, &mut io::sink(), &mut unknown)?;
            Ok(unknown > 0)
        })
    };
    let unknown: Vec<&str> = parts
        .iter()
        .filter(is_sheet)
        .filter(|part| has_unknown(part).unwrap_or(false))
        .map(|part| part.name.as_str())
        .collect();
    if unknown.is_empty() {
        return None;
    }
    let mut workbook = NewWorkbook::new(Cursor::new(Vec::new()));
    for part in parts.iter().filter(|part| !part.name.ends_with('/')) {
        let written = if unknown.contains(&part.name.as_str()) {
            let change = |from: &mut dyn Read, to: &mut dyn Write| correct(from, to, &mut 0);
            parts.change(part, &mut workbook, change)
        } else {
            parts.copy(part, &mut workbook)
        };
        written.ok()?;
    }
    Some(workbook.finish().ok()?.into_inner())
}

/// Returns whether a sheet has cells with errors. Most have none, and a search is much faster than
/// a parser.
fn has_errors(parts: &Parts<'_>, part: &Part) -> io::Result<bool> {
    let finders = ["t=\"e\"", "t='e'"].map(Finder::new);
    let mut reader = parts.reader(part)?;
    let mut chunk = Vec::with_capacity(CHUNK_BYTES + OVERLAP_BYTES);
    loop {
        let read = reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
        if finders.iter().any(|finder| finder.find(&chunk).is_some()) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        chunk.drain(..chunk.len().saturating_sub(OVERLAP_BYTES));
    }
}

/// Copies a sheet, and replaces the unknown errors. Counts them.
fn correct(from: &mut dyn Read, to: &mut dyn Write, unknown: &mut u64) -> io::Result<()> {
    let mut reader = Reader::from_reader(BufReader::new(from));
    reader.config_mut().check_end_names = false;
    let mut writer = Writer::new(to);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(invalid)? {
            Event::Start(cell)
                if cell.local_name().as_ref() == "c"
                    && attribute(&cell, "t")?.as_deref() == Some("e") =>
            {
                let cell = cell.into_owned();
                *unknown += u64::from(error_cell(&mut reader, &cell, &mut writer)?);
            }
            Event::Eof => return Ok(()),
            event => writer.write_event(event)?,
        }
    }
}

/// Copies a cell with an error. Returns whether calamine does not know the error, and makes the cell
/// a formula whose value is the text of the error then.
fn error_cell<R: BufRead>(
    reader: &mut Reader<R>,
    cell: &BytesStart<'static>,
    to: &mut Writer<&mut dyn Write>,
) -> io::Result<bool> {
    let mut inside = Vec::new();
    let mut buffer = Vec::new();
    let mut text = String::new();
    let mut is_in_value = false;
    let mut has_formula = false;
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(invalid)?;
        match &event {
            Event::Start(element) if element.local_name().as_ref() == "v" => is_in_value = true,
            Event::End(element) if element.local_name().as_ref() == "v" => is_in_value = false,
            Event::Start(element) | Event::Empty(element) => {
                has_formula |= element.local_name().as_ref() == "f";
            }
            Event::Text(found) if is_in_value => text.push_str(found),
            Event::Eof => return Err(ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
        let is_end = matches!(&event, Event::End(end) if end.local_name().as_ref() == "c");
        inside.push(event.into_owned());
        if is_end {
            break;
        }
    }
    let is_unknown = CellError::ALL
        .into_iter()
        .filter(|error| error.is_in_biff())
        .all(|error| error.word() != text.trim());
    let mut begin = cell.clone();
    if is_unknown {
        begin.clear_attributes();
        for attribute in cell.attributes() {
            let attribute = attribute.map_err(invalid)?;
            if attribute.key.as_ref() == "t" {
                begin.push_attribute(("t", "str"));
            } else {
                begin.push_attribute(attribute);
            }
        }
    }
    to.write_event(Event::Start(begin))?;
    if is_unknown && !has_formula {
        to.create_element("f").write_text_content(BytesText::new(text.trim()))?;
    }
    inside.into_iter().try_for_each(|event| to.write_event(event))?;
    Ok(is_unknown)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> io::Result<Option<String>> {
    let found = element.try_get_attribute(name).map_err(invalid)?;
    Ok(found.map(|attribute| attribute.value.into_owned()))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
