//! Limits on the content of workbooks, and on the memory and time of decoding.

use std::time::Duration;

/// The longest text of a cell, in UTF-16 units: Excel's limit for `.xls` and `.xlsx`.
pub const CELL_UNITS_MAX: usize = 32_767;

/// Rows of a sheet that is read: the limit of `.xlsx`. No other format has more.
pub const READ_ROWS_MAX: u32 = 1_048_576;

/// Columns of a sheet that is read: the limit of `.xlsx`. No other format has more.
pub(super) const READ_COLUMNS_MAX: u32 = 16_384;

/// Sheets of a workbook that is read. An inventory has two; old workbooks have dozens.
pub(super) const READ_SHEETS_MAX: usize = 1_024;

/// The largest number of ranges of merged cells of a sheet. A list in which every site is merged has some
/// thousand.
pub(super) const MERGED_RANGES_MAX: usize = 100_000;

/// The largest number of rows from a child, of all sheets together: full sheets of devices and links,
/// and of their relations.
pub(super) const OUTPUT_ROWS_MAX: u64 = 4 * READ_ROWS_MAX as u64;

/// The largest number of bytes from a child: a million records with forty properties take half of
/// it. Rows are processed one by one, so it limits time rather than memory.
pub(super) const OUTPUT_BYTES_MAX: u64 = 1 << 30;

/// The longest row from a child, in bytes. A row is kept in memory as a whole. The longest real
/// rows have some thousand bytes.
pub(super) const ROW_BYTES_MAX: usize = 8 << 20;

/// Length from which a frame of rows is sent, in bytes: the capacity of a pipe.
pub(super) const FRAME_BYTES: usize = 64 << 10;

/// The longest frame, in bytes: one that is just too short to be sent, and one more row.
pub(super) const FRAME_BYTES_MAX: usize = FRAME_BYTES + ROW_BYTES_MAX;

/// The longest reason of a refusal, in bytes. Reasons quote the workbook.
pub(super) const REASON_BYTES_MAX: usize = 1_024;

/// Address space of a child, in bytes. calamine keeps a whole `.xls` in memory: 65,000 rows of 40
/// columns need 512 MiB, or 1 GiB if no two texts are equal. For a `.xlsx` it keeps only the table
/// of shared texts.
pub(super) const CHILD_MEMORY_BYTES: u64 = 2 << 30;

/// Processor time of a child. 65,000 rows of 40 columns take 1.7 s from `.xlsx` and 0.7 s from `.xls`.
/// Output of the maximum length would take half of the limit.
pub(super) const CHILD_CPU: Duration = Duration::from_secs(60);

/// Processor time of a child for a small file. A few repeated cells of a `.ods` of one KB can stand for a million
/// rows, which take less than a second. Only malicious files of this size take seconds, and they would keep a place for
/// imports from others.
pub(super) const CHILD_CPU_OF_SMALL_FILE: Duration = Duration::from_secs(10);

/// Additional processor time for each MiB of the file, up to [`CHILD_CPU`].
pub(super) const CHILD_CPU_PER_MIB: Duration = Duration::from_secs(5);

/// Total time that the reader of rows waits for the child. A child that neither computes nor writes
/// waits for a disk.
pub(super) const CHILD_WAIT: Duration = Duration::from_secs(120);
