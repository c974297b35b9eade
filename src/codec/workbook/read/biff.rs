//! Corrections of a `.xls` before calamine reads it (MS-XLS). Every correction keeps the length of its
//! record.
//!
//! - Strings of BIFF8 are Latin-1 or UTF-16, whatever code page the workbook names. calamine decodes
//!   them by the code page. So the record CodePage becomes 1200.
//! - Older versions have a code page. Those that calamine does not know get the number of one that it
//!   knows ([`super::code_page`]).
//! - calamine ignores a number format whose id is reserved, as Gnumeric assigns them, and then takes
//!   the ids 50 to 58 for dates. So each XF record gets a built-in format of the class of its own format.
//! - A number that its format fills with zeros is collected with its cell, because its text has no room.
//! - A formula that was never calculated gets a value that calamine leaves empty.
//! - calamine refuses the workbook because of an error value that it does not know. Such a value
//!   becomes `#VALUE!`, as Excel writes its newer errors into old formats.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use cfb::CompoundFile;

use super::super::cell::CellError;
use super::code_page::number_of_the_web;
use super::number_format::FormatClass;
use super::rk::rk_number;
use super::sector_table;
use super::zero_mask::ZeroMask;

/// Streams with the records of a workbook. The second one is the name in Excel 5.
const STREAMS: [&str; 2] = ["/Workbook", "/Book"];

const BOF: u16 = 0x0809;
const FORMULA: u16 = 0x0006;
const CODE_PAGE: u16 = 0x0042;
const UNCALCED: u16 = 0x005E;
const SAVE_RECALC: u16 = 0x005F;
const XF: u16 = 0x00E0;
const RECALC_ID: u16 = 0x01C1;
const BOOL_ERR: u16 = 0x0205;
const FORMAT: u16 = 0x041E;
const BOUND_SHEET: u16 = 0x0085;
const NUMBER: u16 = 0x0203;
const RK: u16 = 0x027E;
const MUL_RK: u16 = 0x00BD;

/// The version of BIFF8 in the record BOF.
const BIFF8: u16 = 0x0600;

/// The code page of UTF-16.
const UTF_16: [u8; 2] = 1200_u16.to_le_bytes();

/// The bytes of a record before its data: its kind and its length.
const HEAD_BYTES: usize = 4;

/// The flag of a formula that is calculated when the workbook is opened.
const CALCULATE_ON_LOAD: u16 = 0x0002;

/// The value of a formula whose text follows in a record of its own (MS-XLS 2.5.133).
const TEXT_FOLLOWS: [u8; 8] = [0, 0, 0, 0, 0, 0, 0xFF, 0xFF];

/// The texts of numbers that their formats fill with zeros, by row and column.
pub(super) type ShownNumbers = HashMap<(u32, u32), String>;

/// Properties of a workbook that calamine does not return.
#[derive(Default)]
pub(super) struct Properties {
    /// The code page of a workbook before BIFF8.
    pub code_page: Option<u16>,
    /// The numbers that are filled with zeros, by the number of their sheet.
    pub shown: HashMap<usize, ShownNumbers>,
}

/// Corrects a workbook in its container. Leaves a container unchanged that is damaged, or has no
/// workbook: calamine reports the error.
pub(super) fn correct(container: &mut Vec<u8>) -> Properties {
    // Patches keep the length of the stream, so also an interrupted correction leaves a container.
    try_correct(container).unwrap_or_default()
}

fn try_correct(container: &mut Vec<u8>) -> io::Result<Properties> {
    sector_table::free_missing_sectors(container);
    let mut file = CompoundFile::open(Cursor::new(container))?;
    let Some(name) = STREAMS.into_iter().find(|name| file.is_stream(name)) else {
        return Ok(Properties::default());
    };
    let mut stream = Vec::new();
    file.open_stream(name)?.read_to_end(&mut stream)?;
    let Corrections { patches, code_page, sheets, mut shown, .. } = Corrections::of(&stream);
    let numbered = (0..).zip(sheets);
    let shown = numbered.filter_map(|(number, at)| Some((number, shown.remove(&at)?))).collect();
    drop(stream);
    let mut stream = file.open_stream(name)?;
    for (at, bytes) in patches {
        stream.seek(SeekFrom::Start(at as u64))?;
        stream.write_all(&bytes)?;
    }
    stream.flush()?;
    Ok(Properties { code_page, shown })
}

/// Reads the records, and collects what to write over them.
#[derive(Default)]
struct Corrections {
    patches: Vec<(usize, Vec<u8>)>,
    is_biff8: bool,
    /// The last code page of a workbook before BIFF8.
    code_page: Option<u16>,
    formats: HashMap<u16, FormatClass>,
    /// The formats that fill with zeros.
    filling: HashMap<u16, ZeroMask>,
    /// The format of each style, if it fills with zeros.
    masks: Vec<Option<ZeroMask>>,
    /// The position of each sheet in the stream.
    sheets: Vec<usize>,
    /// The numbers of the sheet at each position.
    shown: HashMap<usize, ShownNumbers>,
    /// The position of the current sheet.
    sheet: usize,
    /// Whether a spreadsheet program calculated the workbook: it then names its version.
    is_calculated: bool,
    /// True if the current sheet declares that its formulas are not calculated.
    is_uncalculated: bool,
    /// Whether the current sheet is calculated when it is saved.
    is_calculated_on_save: bool,
}

impl Corrections {
    fn of(stream: &[u8]) -> Self {
        let mut corrections = Self::default();
        let mut at = 0;
        while let Some((kind, data)) = record(stream, at) {
            at = data.end;
            corrections.record(kind, data.start, &stream[data.clone()]);
            corrections.shown_numbers(kind, &stream[data]);
        }
        corrections
    }

    fn record(&mut self, kind: u16, at: usize, data: &[u8]) {
        match kind {
            BOF => {
                self.is_biff8 = u16_at(data, 0) == Some(BIFF8);
                self.sheet = at - HEAD_BYTES;
                self.is_uncalculated = false;
                self.is_calculated_on_save = false;
            }
            CODE_PAGE if self.is_biff8 && data.len() >= UTF_16.len() => {
                self.patches.push((at, UTF_16.to_vec()));
            }
            CODE_PAGE if !self.is_biff8 => {
                self.code_page = u16_at(data, 0);
                if let Some(number) = self.code_page.and_then(number_of_the_web) {
                    self.patches.push((at, number.to_le_bytes().to_vec()));
                }
            }
            RECALC_ID => self.is_calculated = data.get(4..8).is_some_and(|build| build != [0; 4]),
            UNCALCED => self.is_uncalculated = true,
            SAVE_RECALC => self.is_calculated_on_save = u16_at(data, 0) == Some(1),
            FORMAT => {
                if let Some((id, format)) = self.format(data) {
                    self.formats.insert(id, FormatClass::of(&format));
                    self.filling.extend(ZeroMask::of(&format).map(|mask| (id, mask)));
                }
            }
            XF => {
                let id = u16_at(data, 2);
                self.masks.push(id.and_then(|id| self.filling.get(&id)).cloned());
                let class = id.and_then(|id| self.formats.get(&id));
                if let Some(class) = class {
                    self.patches.push((at + 2, class.built_in().to_le_bytes().to_vec()));
                }
            }
            BOUND_SHEET => {
                self.sheets.extend(data.first_chunk().map(|at| u32::from_le_bytes(*at) as usize));
            }
            BOOL_ERR if data.get(7) == Some(&1) => self.error(at + 6, data[6]),
            FORMULA if data.len() >= 16 => self.formula(at + 6, &data[6..14], data[14]),
            _ => {}
        }
    }

    /// Collects the numbers of a record that their formats fill with zeros. Most workbooks have none.
    fn shown_numbers(&mut self, kind: u16, data: &[u8]) {
        if self.filling.is_empty() {
            return;
        }
        let float =
            |data: &[u8]| data.get(6..)?.first_chunk().map(|value| f64::from_le_bytes(*value));
        match kind {
            NUMBER => self.shown_number(data, 0, float(data)),
            // A value with these last bytes is not a number (MS-XLS 2.5.133).
            FORMULA if data.get(12..14) != Some(&[0xFF, 0xFF]) => {
                self.shown_number(data, 0, float(data));
            }
            RK => self.shown_number(data, 0, rk_at(data, 6)),
            MUL_RK => {
                // Cells of six bytes follow the row and the first column, and then the last column.
                let cells = data.len().saturating_sub(6) / 6;
                (0..cells)
                    .for_each(|cell| self.shown_number(data, cell, rk_at(data, 6 + 6 * cell)));
            }
            _ => {}
        }
    }

    /// Collects a number. `cell` is its position in the record.
    fn shown_number(&mut self, data: &[u8], cell: usize, number: Option<f64>) {
        let shown = || {
            let style = usize::from(u16_at(data, 4 + 6 * cell)?);
            self.masks.get(style)?.as_ref()?.marked(number?)
        };
        if let Some(shown) = shown()
            && let Some((row, column)) = u16_at(data, 0).zip(u16_at(data, 2))
        {
            let column = u32::from(column) + cell as u32;
            self.shown.entry(self.sheet).or_default().insert((u32::from(row), column), shown);
        }
    }

    /// Reads the record Format: its id and its text.
    fn format(&self, data: &[u8]) -> Option<(u16, String)> {
        let id = u16_at(data, 0)?;
        if !self.is_biff8 {
            let text = data.get(3..)?.get(..usize::from(data[2]))?;
            return Some((id, text.iter().copied().map(char::from).collect()));
        }
        let count = usize::from(u16_at(data, 2)?);
        let is_utf_16 = data.get(4)? & 1 != 0;
        let text = data.get(5..)?;
        if is_utf_16 {
            let units = text.get(..2 * count)?.chunks_exact(2);
            let units: Vec<u16> =
                units.map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            Some((id, String::from_utf16_lossy(&units)))
        } else {
            Some((id, text.get(..count)?.iter().copied().map(char::from).collect()))
        }
    }

    fn error(&mut self, at: usize, code: u8) {
        if CellError::of_biff_code(code).is_none() {
            self.patches.push((at, vec![CellError::Value.biff_code()]));
        }
    }

    /// `value` is the cached value of a formula.
    fn formula(&mut self, at: usize, value: &[u8], flags: u8) {
        let is_empty = matches!(value, [3, .., 0xFF, 0xFF]);
        let is_zero = value.iter().all(|byte| *byte == 0);
        if let [2, _, code, .., 0xFF, 0xFF] = value {
            self.error(at + 2, *code);
        }
        // Excel and LibreOffice name their version in RecalcId. Libraries do not. xlwt writes an empty
        // text for each formula; Spreadsheet::WriteExcel and Apache POI write 0 and the flag.
        let says_so = self.is_uncalculated || u16::from(flags) & CALCULATE_ON_LOAD != 0;
        let is_left_out =
            (is_empty || is_zero) && says_so || is_empty && !self.is_calculated_on_save;
        if is_left_out && !self.is_calculated {
            self.patches.push((at, TEXT_FOLLOWS.to_vec()));
        }
    }
}

fn rk_at(data: &[u8], at: usize) -> Option<f64> {
    data.get(at..)?.first_chunk().map(|rk| rk_number(u32::from_le_bytes(*rk)))
}

/// Returns the kind of a record and the position of its data. `None` at the end.
fn record(stream: &[u8], at: usize) -> Option<(u16, Range<usize>)> {
    let kind = u16_at(stream, at)?;
    let length = usize::from(u16_at(stream, at + 2)?);
    let data = at + HEAD_BYTES..at + HEAD_BYTES + length;
    (data.end <= stream.len()).then_some((kind, data))
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    let bytes = data.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}
