//! Corrections of a `.xlsb` before calamine reads it (MS-XLSB).
//!
//! - calamine ignores the short forms of cells, which have no column, cells of rich text and errors of
//!   formulas. They become long forms.
//! - calamine refuses the workbook because of an error value that it does not know. Such a value
//!   becomes `#VALUE!`.
//! - calamine takes the ids 50 to 58 of number formats for dates. So each XF record gets a built-in
//!   format of the class of its own format.
//! - A number that its format fills with zeros becomes the text that it shows.
//! - Formulas of a workbook that was never calculated have the value 0. They become a text that means
//!   so.
//!
//! calamine does not return merged cells of a `.xlsb`, so their ranges are collected on the way.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read, Write};

use quick_xml::Reader;
use quick_xml::events::Event;

use super::super::cell::CellError;
use super::super::frame::MergedRange;
use super::super::limits::MERGED_RANGES_MAX;
use super::merged;
use super::number_format::FormatClass;
use super::parts::{NewWorkbook, Part, Parts};
use super::rk::rk_number;
use super::zero_mask::ZeroMask;

/// The text of a formula that was never calculated. No spreadsheet program writes noncharacters.
pub(super) const UNCALCULATED: &str = "\u{FFFF}\u{FFFE}";

/// The part that lists the sheets.
const WORKBOOK: &str = "xl/workbook.bin";
const STYLES: &str = "xl/styles.bin";
/// The relationships of the workbook: the part of each sheet.
const RELATIONSHIPS: &str = "xl/_rels/workbook.bin.rels";
/// The folder to which the targets of relationships are relative.
const FOLDER: &str = "xl/";
const SHEETS: &str = "xl/worksheets/";

/// Endings of the parts that calamine reads.
const READ: [&str; 3] = [".bin", ".rels", ".xml"];

// Records of a sheet (MS-XLSB 2.3.1). Short forms follow the long ones in the same order.
const ROW: u16 = 0;
const CELL_RK: u16 = 2;
const CELL_ERROR: u16 = 3;
const CELL_REAL: u16 = 5;
const CELL_TEXT: u16 = 6;
const FORMULA_NUMBER: u16 = 9;
const FORMULA_ERROR: u16 = 11;
const SHORT_BLANK: u16 = 12;
const SHORT_ISST: u16 = 18;
const CELL_RICH_TEXT: u16 = 62;
const MERGE_CELL: u16 = 176;
/// The number of a short form, less that of its long form.
const SHORT_TO_LONG: u16 = SHORT_BLANK - 1;

// Records of other parts.
const FORMAT: u16 = 44;
const XF: u16 = 47;
const BUNDLE_SHEET: u16 = 156;
const CALC_PROP: u16 = 157;
const CELL_XFS_BEGIN: u16 = 617;
const CELL_XFS_END: u16 = 618;

/// The bytes of a cell before its value: column, style and flags.
const CELL_BYTES: usize = 8;

/// The byte of the record CalcProp with the flag that all formulas are calculated on load.
const CALC_FLAGS_AT: usize = 24;

/// A workbook with corrected cells.
pub(super) struct Corrected {
    pub bytes: Vec<u8>,
    /// The merged cells of each sheet that has some, with the name of the sheet.
    pub merged: Vec<(String, Vec<MergedRange>)>,
}

/// Returns a workbook with the corrected cells. `None` if it is not a `.xlsb`, or is damaged:
/// calamine reports the error.
pub(super) fn corrected(parts: &Parts<'_>) -> Option<Corrected> {
    let is_uncalculated = is_uncalculated(parts, parts.find(WORKBOOK)?).ok()?;
    let styles = parts.find(STYLES).and_then(|part| masks(parts.reader(part).ok()?).ok());
    let masks = styles.unwrap_or_default();
    let mut workbook = NewWorkbook::new(Cursor::new(Vec::new()));
    let mut merged_of_parts = HashMap::new();
    for part in parts.iter().filter(|part| READ.iter().any(|ending| part.name.ends_with(ending))) {
        let name = part.name.replace('\\', "/").to_ascii_lowercase();
        let written = if name.starts_with(SHEETS) && name.ends_with(".bin") {
            let change = |from: &mut dyn Read, to: &mut dyn Write| {
                let ranges = Sheet::new(is_uncalculated, &masks).correct(from, to)?;
                merged_of_parts.insert(name, ranges);
                Ok(())
            };
            parts.change(part, &mut workbook, change)
        } else if name == STYLES {
            parts.change(part, &mut workbook, correct_styles)
        } else {
            parts.copy(part, &mut workbook)
        };
        written.ok()?;
    }
    let merged = merged_of_sheets(parts, merged_of_parts).unwrap_or_default();
    Some(Corrected { bytes: workbook.finish().ok()?.into_inner(), merged })
}

/// Returns the merged cells of each sheet with its name, from those of the parts of sheets.
fn merged_of_sheets(
    parts: &Parts<'_>,
    mut of_parts: HashMap<String, Vec<MergedRange>>,
) -> io::Result<Vec<(String, Vec<MergedRange>)>> {
    of_parts.retain(|_, ranges| !ranges.is_empty());
    let (Some(workbook), Some(relationships)) = (parts.find(WORKBOOK), parts.find(RELATIONSHIPS))
    else {
        return Ok(Vec::new());
    };
    // Most workbooks have no merged cells.
    if of_parts.is_empty() {
        return Ok(Vec::new());
    }
    let targets = targets(parts.reader(relationships)?);
    let mut records = Records::new(parts.reader(workbook)?);
    let mut found = Vec::new();
    while let Some(kind) = records.next()? {
        if kind == BUNDLE_SHEET
            && let Some((id, name)) = bundle_sheet(&records.data)
            && let Some(ranges) = targets.get(&id).and_then(|part| of_parts.remove(part))
        {
            found.push((name, ranges));
        }
    }
    Ok(found)
}

/// Reads the record BrtBundleSh: the id of the relationship and the name of a sheet.
fn bundle_sheet(data: &[u8]) -> Option<(String, String)> {
    /// The bytes before the id: the visibility and the number of the sheet.
    const ID_AT: usize = 8;
    let (id, rest) = wide_text(data.get(ID_AT..)?)?;
    Some((id, wide_text(rest)?.0))
}

/// Reads a text and returns it with the bytes behind it.
fn wide_text(data: &[u8]) -> Option<(String, &[u8])> {
    let count = u32::from_le_bytes(*data.first_chunk()?) as usize;
    let (text, rest) = data.get(4..)?.split_at_checked(count.checked_mul(2)?)?;
    let units: Vec<u16> =
        text.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    Some((String::from_utf16_lossy(&units), rest))
}

/// Returns the parts of relationships by their ids, in lower case. A damaged list has those before
/// the damage.
fn targets(relationships: impl Read) -> HashMap<String, String> {
    let mut reader = Reader::from_reader(BufReader::new(relationships));
    let mut targets = HashMap::new();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(element) | Event::Empty(element)) => {
                let target = merged::attribute(&element, "Target");
                if let (Some(id), Some(target)) = (merged::attribute(&element, "Id"), target) {
                    let part = match target.strip_prefix('/') {
                        Some(absolute) => absolute.to_owned(),
                        None => format!("{FOLDER}{target}"),
                    };
                    targets.insert(id, part.to_ascii_lowercase());
                }
            }
            Ok(Event::Eof) | Err(_) => return targets,
            Ok(_) => {}
        }
    }
}

/// Reads the record BrtMergeCell.
fn merged_range(data: &[u8]) -> Option<MergedRange> {
    let mut numbers = data
        .chunks_exact(4)
        .map(|number| u32::from_le_bytes([number[0], number[1], number[2], number[3]]));
    let mut pair = || Some((numbers.next()?, numbers.next()?));
    Some(MergedRange { rows: pair()?, columns: pair()? })
}

/// Returns whether the workbook requests the calculation of all formulas when it is opened.
fn is_uncalculated(parts: &Parts<'_>, part: &Part) -> io::Result<bool> {
    let mut records = Records::new(parts.reader(part)?);
    while let Some(kind) = records.next()? {
        if kind == CALC_PROP {
            return Ok(records.data.get(CALC_FLAGS_AT).is_some_and(|flags| flags & 1 != 0));
        }
    }
    Ok(false)
}

/// The correction of a sheet.
struct Sheet<'m> {
    is_uncalculated: bool,
    masks: &'m Masks,
    /// The column of the last cell of the row.
    column: Option<u32>,
    /// The merged cells. One more than [`MERGED_RANGES_MAX`] is kept, so that too many are refused.
    ranges: Vec<MergedRange>,
}

impl<'m> Sheet<'m> {
    fn new(is_uncalculated: bool, masks: &'m Masks) -> Self {
        Self { is_uncalculated, masks, column: None, ranges: Vec::new() }
    }

    /// Writes the corrected sheet. Returns its merged cells.
    fn correct(mut self, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<Vec<MergedRange>> {
        let mut records = Records::new(from);
        while let Some(kind) = records.next()? {
            if kind == MERGE_CELL && self.ranges.len() <= MERGED_RANGES_MAX {
                self.ranges.extend(merged_range(&records.data));
            }
            let kind = self.record(kind, &mut records.data);
            write_record(kind, &records.data, to)?;
        }
        Ok(self.ranges)
    }

    /// Corrects a record, and returns its new kind.
    fn record(&mut self, kind: u16, data: &mut Vec<u8>) -> u16 {
        let kind = match kind {
            ROW => {
                self.column = None;
                return kind;
            }
            SHORT_BLANK..=SHORT_ISST => {
                let column = self.column.map_or(0, |column| column.saturating_add(1));
                data.splice(..0, column.to_le_bytes());
                kind - SHORT_TO_LONG
            }
            other => other,
        };
        if !matches!(kind, 1..=FORMULA_ERROR | CELL_RICH_TEXT) || data.len() < CELL_BYTES {
            return kind;
        }
        self.column = data.first_chunk().map(|column| u32::from_le_bytes(*column));
        let is_zero = |data: &[u8]| data.iter().all(|byte| *byte == 0);
        match kind {
            CELL_ERROR | FORMULA_ERROR => {
                data.truncate(CELL_BYTES + 1);
                if let Some(code) = data.get_mut(CELL_BYTES)
                    && CellError::of_biff_code(*code).is_none()
                {
                    *code = CellError::Value.biff_code();
                }
                CELL_ERROR
            }
            // The text follows a byte of flags.
            CELL_RICH_TEXT if data.len() > CELL_BYTES => {
                data.remove(CELL_BYTES);
                CELL_TEXT
            }
            FORMULA_NUMBER
                if self.is_uncalculated
                    && data.get(CELL_BYTES..CELL_BYTES + 8).is_some_and(is_zero) =>
            {
                set_text(data, UNCALCULATED);
                CELL_TEXT
            }
            CELL_RK | CELL_REAL | FORMULA_NUMBER => match self.shown(kind, data) {
                Some(shown) => {
                    set_text(data, &shown);
                    CELL_TEXT
                }
                None => kind,
            },
            _ => kind,
        }
    }

    /// The text that a cell with a number shows, if its format fills the number with zeros.
    fn shown(&self, kind: u16, data: &[u8]) -> Option<String> {
        if self.masks.is_empty() {
            return None;
        }
        // The style has three bytes (MS-XLSB 2.5.9).
        let [low, middle, high] = *data.get(4..)?.first_chunk()?;
        let mask = self.masks.get(&u32::from_le_bytes([low, middle, high, 0]))?;
        let value = data.get(CELL_BYTES..)?;
        mask.marked(match kind {
            CELL_RK => rk_number(u32::from_le_bytes(*value.first_chunk()?)),
            _ => f64::from_le_bytes(*value.first_chunk()?),
        })
    }
}

/// Makes the value of a cell a text.
fn set_text(data: &mut Vec<u8>, text: &str) {
    data.truncate(CELL_BYTES);
    let units: Vec<u16> = text.encode_utf16().collect();
    data.extend_from_slice(&(units.len() as u32).to_le_bytes());
    data.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

/// The styles of cells that fill a number with zeros.
type Masks = HashMap<u32, ZeroMask>;

/// Reads the styles. Most workbooks have none that fills with zeros.
fn masks(from: impl Read) -> io::Result<Masks> {
    let mut formats = HashMap::new();
    let mut masks = Masks::new();
    let mut styles = None;
    let mut records = Records::new(from);
    while let Some(kind) = records.next()? {
        let data = &records.data;
        match (kind, &mut styles) {
            (FORMAT, _) => {
                if let Some((id, text)) = format(data)
                    && let Some(mask) = ZeroMask::of(&text)
                {
                    formats.insert(id, mask);
                }
            }
            (CELL_XFS_BEGIN, styles) => *styles = Some(0),
            (CELL_XFS_END, styles) => *styles = None,
            (XF, Some(style)) => {
                let id = data.get(2..4).map(|id| u16::from_le_bytes([id[0], id[1]]));
                if let Some(mask) = id.and_then(|id| formats.get(&id)) {
                    masks.insert(*style, mask.clone());
                }
                *style += 1;
            }
            _ => {}
        }
    }
    Ok(masks)
}

/// Gives each style a built-in number format of the class of its own.
fn correct_styles(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut formats = HashMap::new();
    let mut is_in_cell_xfs = false;
    let mut records = Records::new(from);
    while let Some(kind) = records.next()? {
        let data = &mut records.data;
        match kind {
            FORMAT => {
                if let Some((id, text)) = format(data) {
                    formats.insert(id, FormatClass::of(&text));
                }
            }
            CELL_XFS_BEGIN => is_in_cell_xfs = true,
            CELL_XFS_END => is_in_cell_xfs = false,
            XF if is_in_cell_xfs => {
                if let Some(id) = data.get(2..4).map(|id| u16::from_le_bytes([id[0], id[1]]))
                    && let Some(class) = formats.get(&id)
                {
                    data[2..4].copy_from_slice(&class.built_in().to_le_bytes());
                }
            }
            _ => {}
        }
        write_record(kind, data, to)?;
    }
    Ok(())
}

/// Reads the record Fmt: its id and its text.
fn format(data: &[u8]) -> Option<(u16, String)> {
    let id = u16::from_le_bytes(*data.first_chunk()?);
    let (text, _) = wide_text(data.get(2..)?)?;
    Some((id, text))
}

/// Reads the records of a part.
struct Records<R> {
    from: BufReader<R>,
    /// The data of the last record.
    data: Vec<u8>,
}

impl<R: Read> Records<R> {
    fn new(from: R) -> Self {
        Self { from: BufReader::new(from), data: Vec::new() }
    }

    /// Reads the next record, and returns its kind. `None` at the end.
    fn next(&mut self) -> io::Result<Option<u16>> {
        if self.from.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let kind = self.number(2)? as u16;
        let length = u64::from(self.number(4)?);
        self.data.clear();
        let read = self.from.by_ref().take(length).read_to_end(&mut self.data)?;
        if (read as u64) < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(kind))
    }

    /// Reads a number of at most `bytes_max` bytes with seven bits each (MS-XLSB 2.1.4).
    fn number(&mut self, bytes_max: u32) -> io::Result<u32> {
        let mut number = 0;
        for at in 0..bytes_max {
            let mut byte = [0];
            self.from.read_exact(&mut byte)?;
            number |= u32::from(byte[0] & 0x7F) << (7 * at);
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        Ok(number)
    }
}

fn write_record(kind: u16, data: &[u8], to: &mut dyn Write) -> io::Result<()> {
    let mut head = Vec::with_capacity(6);
    for mut number in [u32::from(kind), data.len() as u32] {
        while number > 0x7F {
            head.push((number & 0x7F) as u8 | 0x80);
            number >>= 7;
        }
        head.push(number as u8);
    }
    to.write_all(&head)?;
    to.write_all(data)
}
