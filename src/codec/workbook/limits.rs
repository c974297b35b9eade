//! What a workbook may hold, and what decoding one may cost.

use std::time::Duration;

/// The longest text of a cell, in UTF-16 units: what Excel holds, in `.xls` and `.xlsx` alike.
pub const CELL_UNITS_MAX: usize = 32_767;

/// Rows of a sheet that is read: those of `.xlsx`, and no format has more.
pub(super) const READ_ROWS_MAX: u32 = 1_048_576;

/// Columns of a sheet that is read: those of `.xlsx`, and no format has more.
pub(super) const READ_COLUMNS_MAX: u32 = 16_384;

/// Sheets of a workbook that is read. Two hold an inventory; a workbook grown over years has dozens.
pub(super) const READ_SHEETS_MAX: usize = 1_024;

/// Rows that a child may hand over, of all sheets together: two full sheets.
pub(super) const OUTPUT_ROWS_MAX: u64 = 2 * READ_ROWS_MAX as u64;

/// Bytes that a child may hand over: a million records with forty properties take half of it.
/// Rows are handed on as they come, so it bounds time rather than memory.
pub(super) const OUTPUT_BYTES_MAX: u64 = 1 << 30;

/// The longest row, as it is handed over. It has to be held whole; the longest real ones have
/// some thousand bytes.
pub(super) const ROW_BYTES_MAX: usize = 8 << 20;

/// How much of rows is gathered before it is handed over: as much as a pipe holds.
pub(super) const FRAME_BYTES: usize = 64 << 10;

/// The longest frame: what was gathered, and one row that did not fit beside it.
pub(super) const FRAME_BYTES_MAX: usize = FRAME_BYTES + ROW_BYTES_MAX;

/// The longest reason that a child may give for a refusal. Reasons quote the workbook.
pub(super) const REASON_BYTES_MAX: usize = 1_024;

/// Address space of a child. calamine holds a whole `.xls`: 65,000 rows of 40 columns pass with
/// 512 MiB, and with 1 GiB if no two texts are alike. `.xlsx` needs a fraction of it, but for the
/// table of texts that Excel writes.
pub(super) const CHILD_MEMORY_BYTES: u64 = 2 << 30;

/// Processor time of a child. 65,000 rows of 40 columns take 1.7 s from `.xlsx`, and 0.7 s from
/// `.xls`; as many as the output's limit lets pass would take half of it.
pub(super) const CHILD_CPU: Duration = Duration::from_secs(60);

/// How long the reader of rows waits for the child, all waits added up. A child that neither
/// computes nor writes waits for a disk.
pub(super) const CHILD_WAIT: Duration = Duration::from_secs(120);
