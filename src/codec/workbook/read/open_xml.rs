//! Content of a `.xlsx` that calamine does not return, and corrections before calamine reads it
//! (ECMA-376, part 1): errors that calamine does not know, and numbers that are filled with zeros.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read, Write};

use memchr::memmem::Finder;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

use super::super::cell::CellError;
use super::parts::{NewWorkbook, Part, Parts};
use super::zero_mask::ZeroMask;

/// The end of the name of the part that lists the sheets.
const WORKBOOK: &str = "workbook.xml";
const SHEETS: &str = "/worksheets/";
/// The end of the name of the part with the styles.
const STYLES: &str = "styles.xml";

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

/// Returns a workbook in which errors that calamine does not know are texts of formulas, because
/// calamine refuses the whole workbook because of one, and in which numbers that their format fills with
/// zeros are the text that it shows. `None` if there is none, or if a part is damaged.
pub(super) fn corrected(parts: &Parts<'_>) -> Option<Vec<u8>> {
    let is_sheet = |part: &&Part| {
        let name = part.name.replace('\\', "/").to_ascii_lowercase();
        name.contains(SHEETS) && name.ends_with(".xml")
    };
    let masks = masks(parts).unwrap_or_default();
    let has_unknown = |part: &Part| {
        has_errors(parts, part).and_then(|has_errors| {
            if !has_errors && masks.is_empty() {
                return Ok(false);
            }
            let mut corrected = 0;
            correct(&mut *parts.reader(part)?, &mut io::sink(), &masks, &mut corrected)?;
            Ok(corrected > 0)
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
            let change =
                |from: &mut dyn Read, to: &mut dyn Write| correct(from, to, &masks, &mut 0);
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

/// The styles of cells that fill a number with zeros, by their number in the text of an attribute.
type Masks = HashMap<String, ZeroMask>;

/// Reads the styles (18.8.10). Most workbooks have none that fills with zeros.
fn masks(parts: &Parts<'_>) -> io::Result<Masks> {
    let styles = parts.iter().find(|part| {
        let name = part.name.replace('\\', "/").to_ascii_lowercase();
        name.rsplit('/').next() == Some(STYLES)
    });
    let Some(styles) = styles else { return Ok(Masks::new()) };
    let mut reader = Reader::from_reader(BufReader::new(parts.reader(styles)?));
    let mut formats: HashMap<String, ZeroMask> = HashMap::new();
    let mut masks = Masks::new();
    let mut is_in_cell_xfs = false;
    let mut style = 0_u32;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(invalid)? {
            Event::Start(element) | Event::Empty(element) => {
                let name = element.local_name();
                match name.as_ref() {
                    "numFmt" => {
                        let code = attribute(&element, "formatCode")?.unwrap_or_default();
                        let code = unescape(&code).map_err(invalid)?;
                        let mask = ZeroMask::of(&code);
                        if let Some((id, mask)) = attribute(&element, "numFmtId")?.zip(mask) {
                            formats.insert(id, mask);
                        }
                    }
                    "cellXfs" => is_in_cell_xfs = true,
                    "xf" if is_in_cell_xfs => {
                        let id = attribute(&element, "numFmtId")?;
                        if let Some(mask) = id.and_then(|id| formats.get(&id)) {
                            masks.insert(style.to_string(), mask.clone());
                        }
                        style += 1;
                    }
                    _ => {}
                }
            }
            Event::End(element) if element.local_name().as_ref() == "cellXfs" => return Ok(masks),
            Event::Eof => return Ok(masks),
            _ => {}
        }
    }
}

/// Copies a sheet, and replaces the unknown errors and the numbers of styles that fill with zeros.
/// Counts them.
fn correct(
    from: &mut dyn Read,
    to: &mut dyn Write,
    masks: &Masks,
    corrected: &mut u64,
) -> io::Result<()> {
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
                *corrected += u64::from(error_cell(&mut reader, &cell, &mut writer)?);
            }
            Event::Start(cell) if cell.local_name().as_ref() == "c" && !masks.is_empty() => {
                match mask_of(&cell, masks)? {
                    Some(mask) => {
                        let cell = cell.into_owned();
                        *corrected +=
                            u64::from(filled_cell(&mut reader, &cell, mask, &mut writer)?);
                    }
                    None => writer.write_event(Event::Start(cell))?,
                }
            }
            Event::Eof => return Ok(()),
            event => writer.write_event(event)?,
        }
    }
}

/// Returns the format of a cell with a number, if it fills with zeros.
fn mask_of<'m>(cell: &BytesStart<'_>, masks: &'m Masks) -> io::Result<Option<&'m ZeroMask>> {
    let is_number = matches!(attribute(cell, "t")?.as_deref(), None | Some("n"));
    let style = attribute(cell, "s")?.filter(|_| is_number);
    Ok(style.and_then(|style| masks.get(&style)))
}

/// Copies a cell with a number. Returns whether its format fills it with zeros, and makes the cell
/// the text that it shows then.
fn filled_cell<R: BufRead>(
    reader: &mut Reader<R>,
    cell: &BytesStart<'static>,
    mask: &ZeroMask,
    to: &mut Writer<&mut dyn Write>,
) -> io::Result<bool> {
    let Inside { events, value, has_formula } = Inside::read(reader)?;
    let number = value.trim().parse::<f64>().ok();
    // The result 0 of a formula can mean that it was never calculated.
    let number = number.filter(|number| !has_formula || *number != 0.0);
    let marked = number.and_then(|number| mask.marked(number));
    let Some(marked) = marked else {
        to.write_event(Event::Start(cell.clone()))?;
        events.into_iter().try_for_each(|event| to.write_event(event))?;
        return Ok(false);
    };
    to.write_event(Event::Start(with_type(cell, "str")?))?;
    let mut is_in_value = false;
    for event in events {
        match &event {
            Event::Start(element) if element.local_name().as_ref() == "v" => {
                is_in_value = true;
                to.write_event(event)?;
                to.write_event(Event::Text(BytesText::new(&marked)))?;
            }
            Event::End(element) if element.local_name().as_ref() == "v" => {
                is_in_value = false;
                to.write_event(event)?;
            }
            _ if is_in_value => {}
            _ => to.write_event(event)?,
        }
    }
    Ok(true)
}

/// The content of a cell, up to its end.
struct Inside {
    events: Vec<Event<'static>>,
    /// The text of its value.
    value: String,
    has_formula: bool,
}

impl Inside {
    fn read<R: BufRead>(reader: &mut Reader<R>) -> io::Result<Self> {
        let mut inside = Self { events: Vec::new(), value: String::new(), has_formula: false };
        let mut buffer = Vec::new();
        let mut is_in_value = false;
        loop {
            buffer.clear();
            let event = reader.read_event_into(&mut buffer).map_err(invalid)?;
            match &event {
                Event::Start(element) if element.local_name().as_ref() == "v" => is_in_value = true,
                Event::End(element) if element.local_name().as_ref() == "v" => is_in_value = false,
                Event::Start(element) | Event::Empty(element) => {
                    inside.has_formula |= element.local_name().as_ref() == "f";
                }
                Event::Text(found) if is_in_value => inside.value.push_str(found),
                Event::Eof => return Err(ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
            let is_end = matches!(&event, Event::End(end) if end.local_name().as_ref() == "c");
            inside.events.push(event.into_owned());
            if is_end {
                return Ok(inside);
            }
        }
    }
}

/// Returns the beginning of a cell with another type.
fn with_type(cell: &BytesStart<'static>, type_: &str) -> io::Result<BytesStart<'static>> {
    let mut begin = cell.clone();
    begin.clear_attributes();
    for attribute in cell.attributes() {
        let attribute = attribute.map_err(invalid)?;
        if attribute.key.as_ref() != "t" {
            begin.push_attribute(attribute);
        }
    }
    begin.push_attribute(("t", type_));
    Ok(begin)
}

/// Copies a cell with an error. Returns whether calamine does not know the error, and makes the cell
/// a formula whose value is the text of the error then.
fn error_cell<R: BufRead>(
    reader: &mut Reader<R>,
    cell: &BytesStart<'static>,
    to: &mut Writer<&mut dyn Write>,
) -> io::Result<bool> {
    let Inside { events, value, has_formula } = Inside::read(reader)?;
    let is_unknown = CellError::ALL
        .into_iter()
        .filter(|error| error.is_in_biff())
        .all(|error| error.word() != value.trim());
    let begin = if is_unknown { with_type(cell, "str")? } else { cell.clone() };
    to.write_event(Event::Start(begin))?;
    if is_unknown && !has_formula {
        to.create_element("f").write_text_content(BytesText::new(value.trim()))?;
    }
    events.into_iter().try_for_each(|event| to.write_event(event))?;
    Ok(is_unknown)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> io::Result<Option<String>> {
    let found = element.try_get_attribute(name).map_err(invalid)?;
    Ok(found.map(|attribute| attribute.value.into_owned()))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
