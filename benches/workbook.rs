//! Measures the time and the peak memory of writing and reading workbooks, compared with Python's
//! libraries on the same cells in the same run: `cargo bench --bench workbook`. `PYTHON` is the
//! path of an interpreter with xlwt, xlrd and openpyxl.
//!
//! Each measurement is a separate process, so that its peak memory is measured separately. Reading
//! uses a child process like the server; the memory of the child is not counted.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use satchel::codec::workbook::{
    Cell, DecodeLimits, Decoding, Format, Item, SourceKind, WorkbookWriter,
};

const COLUMNS: usize = 40;

/// The measurements, by name.
const PHASES: [&str; 9] = [
    "write large.xls",
    "write large.xlsx",
    "write unique.xls",
    "write unique.xlsx",
    "write usual.xls",
    "read usual.xls",
    "read large.xls",
    "read large.xlsx",
    "read tiny.xls",
];

/// A cell of a workbook: a unique name in the first columns, then values that many records share.
fn cell(kind: &str, row: usize, column: usize) -> Cell<'static> {
    match (kind, column) {
        ("unique", _) | (_, 0..4) => Cell::from(format!("r{row} c{column}")),
        (_, 4..8) => Cell::Number((row * column) as f64),
        (_, 8) => Cell::Bool(row.is_multiple_of(2)),
        _ => Cell::from(format!("value {}", (row * column) % 50)),
    }
}

fn write(path: &Path) {
    let name = path.file_name().unwrap().to_string_lossy();
    let kind = name.split('.').next().unwrap();
    let (sheets, rows): (&[&str], usize) = match kind {
        "usual" => (&["device", "link"], 9_000),
        "tiny" => (&["device"], 1),
        _ => (&["device"], 65_000),
    };
    let titles = (0..COLUMNS).map(|column| format!("property_{column}")).collect::<Vec<_>>();
    let format = Format::of_name(&name).unwrap();
    let mut writer = WorkbookWriter::new(format, path.parent().unwrap()).unwrap();
    for sheet in sheets {
        writer.begin_sheet(sheet, titles.iter().map(String::as_str)).unwrap();
        for row in 0..rows {
            writer.row((0..COLUMNS).map(|column| cell(kind, row, column))).unwrap();
        }
    }
    let out = File::options().read(true).write(true).create(true).truncate(true).open(path);
    writer.finish(out.unwrap()).unwrap();
}

fn read(path: &Path) -> usize {
    let executable = Path::new(env!("CARGO_BIN_EXE_satchel"));
    let file = File::open(path).unwrap();
    let limits = DecodeLimits::default();
    let mut decoding = Decoding::start(executable, file, SourceKind::Workbook, limits).unwrap();
    let mut cells = 0;
    while let Some(item) = decoding.next_item().unwrap() {
        if let Item::Row(row) = item {
            cells += row.cells.len();
        }
    }
    cells
}

fn measure(phase: &str, folder: &Path) {
    let (verb, name) = phase.split_once(' ').unwrap();
    let path = folder.join(name);
    if !path.exists() && verb == "read" {
        write(&path);
    }
    let since = Instant::now();
    let cells = match verb {
        "write" => {
            write(&path);
            0
        }
        _ => read(&path),
    };
    let seconds = since.elapsed().as_secs_f64();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let peak = peak.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0;
    let megabytes = fs::metadata(&path).unwrap().len() as f64 / 1e6;
    println!("{phase:18} {seconds:7.3} s  {peak:6.0} MiB peak  {megabytes:6.1} MB  {cells} cells");
}

const PYTHON: &str = r#"
import sys, time, resource
folder, phase = sys.argv[1:]
verb, name = phase.split()
def cell(row, column):
    if column < 4: return f"r{row} c{column}"
    if column < 8: return float(row * column)
    if column == 8: return row % 2 == 0
    return f"value {(row * column) % 50}"
sheets, rows = (["device", "link"], 9000) if "usual" in name else (["device"], 65000)
begin = time.time()
if verb == "write" and name.endswith(".xls"):
    import xlwt
    book = xlwt.Workbook()
    for title in sheets:
        sheet = book.add_sheet(title)
        for row in range(rows):
            for column in range(40): sheet.write(row, column, cell(row, column))
    book.save(folder + "/python.xls")
elif verb == "write":
    import openpyxl
    book = openpyxl.Workbook(write_only=True)
    for title in sheets:
        sheet = book.create_sheet(title)
        for row in range(rows): sheet.append([cell(row, column) for column in range(40)])
    book.save(folder + "/python.xlsx")
elif name.endswith(".xls"):
    import xlrd
    for sheet in xlrd.open_workbook(folder + "/" + name).sheets():
        for row in range(sheet.nrows): sheet.row_values(row)
else:
    import openpyxl
    for sheet in openpyxl.load_workbook(folder + "/" + name, read_only=True):
        for row in sheet.iter_rows(values_only=True): pass
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"  Python           {time.time() - begin:7.3f} s  {peak:6.0f} MiB peak")
"#;

fn main() {
    let arguments = std::env::args().collect::<Vec<_>>();
    if let [_, word, phase, folder] = arguments.as_slice()
        && word == "measure"
    {
        return measure(phase, Path::new(folder));
    }
    let scratch = tempfile::tempdir().unwrap();
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for phase in PHASES {
        let executable = std::env::current_exe().unwrap();
        let mut run = Command::new(executable);
        run.args(["measure", phase]).arg(scratch.path());
        assert!(run.status().unwrap().success());
        if phase.contains("unique") || phase.contains("tiny") {
            continue;
        }
        let script = ["-c", PYTHON];
        let run = Command::new(&python).args(script).arg(scratch.path()).arg(phase).output();
        match run {
            Ok(output) if output.status.success() => {
                print!("{}", String::from_utf8_lossy(&output.stdout));
            }
            _ => println!("  Python           does not have the library"),
        }
    }
    let path = scratch.path().join("tiny.xls");
    let since = Instant::now();
    for _ in 0..100 {
        read(&path);
    }
    println!("a child costs {:.2} ms", since.elapsed().as_secs_f64() * 10.0);
}
