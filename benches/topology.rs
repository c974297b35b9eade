//! Measures complete imports and exports of workbooks: `cargo bench --bench topology`. The sizes
//! are 9,000 devices with 9,000 links, and 65,000 devices with 40 properties.
//!
//! Each measured step is a separate process, so that its peak memory is measured separately. The
//! memory of the decoding child is not counted.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

use std::{
    env,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Instant,
};

use satchel::job::Progress;
use satchel::{
    access,
    codec::workbook::{Cell, Format, WorkbookWriter},
    import::ImportOutcome,
    store::{Origin, Store},
    topology::{ExportContent, ExportRequest, ImportRequest, Topology},
};

/// The executable's own allocator: see `main.rs`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The executable that decodes.
const DECODER: &str = env!("CARGO_BIN_EXE_satchel");

/// The environment variable of a child process: the measurement and the workbook.
const STEP: &str = "SATCHEL_BENCH_STEP";

/// The usual columns of a sheet of devices, followed by custom columns up to 40 columns.
const KNOWN: [&str; 12] = [
    "name",
    "ip_address",
    "port",
    "vendor",
    "model",
    "operating_system",
    "os_version",
    "location",
    "latitude",
    "longitude",
    "description",
    "icon",
];

fn main() {
    if let Ok(step) = env::var(STEP) {
        let folder = PathBuf::from(env::args().nth(1).unwrap());
        let (step, workbook) = step.split_once(' ').unwrap();
        let store = Arc::new(Store::open(&folder.join("data")).unwrap());
        access::create_first_user(&store).unwrap();
        let topology = Topology::with_decoder(store, Path::new(DECODER)).unwrap();
        let begun = Instant::now();
        match step {
            "import" => import(&topology, &folder.join(workbook)),
            "export" => drop(
                topology
                    .export(
                        &ExportRequest {
                            name: workbook.parse().unwrap(),
                            content: ExportContent::Records,
                        },
                        &Progress::detached(),
                    )
                    .unwrap(),
            ),
            other => panic!("unknown step {other}"),
        }
        println!("{:6.0} ms, {:4} MB", begun.elapsed().as_secs_f64() * 1e3, peak_megabytes());
        return;
    }
    for (rows, columns, links) in [(9_000, 12, 9_000), (65_000, 40, 0)] {
        println!("{rows} devices of {columns} properties, {links} links");
        for format in Format::ALL {
            let folder = tempfile::tempdir().unwrap();
            let name = format!("topology{format}");
            write(&folder.path().join(&name), format, rows, columns, links);
            for step in ["import", "export"] {
                let told = Command::new(env::current_exe().unwrap())
                    .arg(folder.path())
                    .env(STEP, format!("{step} {name}"))
                    .output()
                    .unwrap();
                let error = String::from_utf8_lossy(&told.stderr);
                print!("  {step} {format:5} {}{error}", String::from_utf8_lossy(&told.stdout));
            }
        }
    }
}

fn import(topology: &Topology, workbook: &Path) {
    let mut upload = topology.upload().unwrap();
    upload.write_all(&fs::read(workbook).unwrap()).unwrap();
    let request = ImportRequest::DEFAULT;
    let report = topology
        .import(upload, &request, &Origin::of_user("admin", "bench"), &Progress::detached())
        .unwrap();
    assert_eq!(report.outcome, ImportOutcome::Imported, "{report:?}");
    print!("{:?} ", report.milliseconds);
}

/// Writes a workbook with different names and mostly equal other values.
fn write(path: &Path, format: Format, rows: u32, columns: usize, links: u32) {
    let mut writer = WorkbookWriter::new(format, path.parent().unwrap()).unwrap();
    let custom = (KNOWN.len()..columns).map(|column| format!("property_{column}"));
    let header: Vec<String> = KNOWN.into_iter().map(str::to_owned).chain(custom).collect();
    writer.begin_sheet("device", header.iter().map(String::as_str)).unwrap();
    for row in 0..rows {
        let cell = |column: usize| match column {
            0 => Cell::from(format!("device {row}")),
            1 => Cell::from(format!("10.{}.{}.{}", row >> 16, row >> 8 & 255, row & 255)),
            2 => Cell::Number(22.0),
            8 | 9 => Cell::from(format!("{}.5", row % 90)),
            _ => Cell::from(format!("value {}", (row as usize * column) % 50)),
        };
        writer.row((0..columns).map(cell)).unwrap();
    }
    writer.begin_sheet("link", ["name", "source_name", "destination_name", "color"]).unwrap();
    for row in 0..links {
        let end = |number: u32| Cell::from(format!("device {}", number % rows));
        let name = Cell::from(format!("link {row}"));
        writer.row([name, end(row), end(row + 1), Cell::from("#000000")]).unwrap();
    }
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(true).open(path).unwrap();
    writer.finish(file).unwrap();
}

fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}
