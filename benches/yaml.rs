//! Measures reading and writing of documents, compared with PyYAML in the same run: `cargo bench
//! --bench yaml`. Each number is the best of several runs, in MB/s of document text.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a measurement may fail")]

use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use satchel::codec::yaml::{RecordWriter, read_records, read_records_generally};
use satchel::model::{Value, View};

const RECORDS: usize = 20_000;
const RUNS: usize = 5;

/// A document of devices with 25 short properties.
fn devices() -> Vec<u8> {
    let mut text = String::new();
    for device in 0..RECORDS {
        for property in 0..25 {
            let start = if property == 0 { "- " } else { "  " };
            let value = match property {
                3 => "!!int \"22\"".to_owned(),
                4 => "!!bool \"true\"".to_owned(),
                5 => "[]".to_owned(),
                _ => format!("\"value {property} of device {device}\""),
            };
            text.push_str(&format!("{start}\"property_{property:02}\": {value}\n"));
        }
    }
    text.into_bytes()
}

/// The same in PyYAML's default style.
fn plain(devices: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(devices);
    text.replace("!!int \"22\"", "22").replace("!!bool \"true\"", "true").replace('"', "").into()
}

/// Long texts with line breaks, as in configurations and services.
fn services() -> Vec<u8> {
    let script = "def job(device):\n    return run(\"show version\", timeout=10)  # a comment\n";
    let script = script.repeat(40);
    let mut writer = RecordWriter::new(Vec::new());
    for _ in 0..RECORDS / 40 {
        let entries = [("name", View::Text("a service")), ("source_code", View::Text(&script))];
        writer.record(entries.into_iter()).expect("memory takes bytes");
    }
    writer.finish().expect("memory takes bytes")
}

fn records(text: &[u8]) -> Vec<Value> {
    let mut records = Vec::new();
    let read = read_records(text, |item| {
        records.push(item.value);
        ControlFlow::Continue(())
    });
    read.expect("our own document");
    records
}

fn write(records: &[Value]) -> Vec<u8> {
    let mut writer = RecordWriter::new(Vec::new());
    for record in records {
        let Value::Map(map) = record else { continue };
        let entries = map.iter().filter_map(|(key, value)| {
            let view = match value {
                Value::Text(text) => View::Text(text),
                other => View::Value(other),
            };
            Some((key.as_text()?, view))
        });
        writer.record(entries).expect("memory takes bytes");
    }
    writer.finish().expect("memory takes bytes")
}

/// The speed of the best run.
fn speed(name: &str, bytes: usize, mut run: impl FnMut()) -> f64 {
    let timed = (0..RUNS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    let best = timed.min().unwrap_or(Duration::MAX);
    let speed = bytes as f64 / 1e6 / best.as_secs_f64();
    println!("{name:<44}{speed:>9.1} MB/s");
    speed
}

/// The speed of PyYAML with a document, if PyYAML is installed: reading and writing.
fn pyyaml(text: &[u8]) -> Option<(f64, f64)> {
    let script = r#"
import sys, time, yaml
text = sys.stdin.buffer.read()
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
start = time.perf_counter()
value = yaml.load(text, Loader=loader)
middle = time.perf_counter()
yaml.dump(value, Dumper=dumper, default_style='"')
end = time.perf_counter()
print(len(text) / 1e6 / (middle - start), len(text) / 1e6 / (end - middle))
"#;
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    python.stdin.take()?.write_all(text).ok()?;
    let output = python.wait_with_output().ok()?;
    let output = String::from_utf8(output.stdout).ok()?;
    let (read, write) = output.trim().split_once(' ')?;
    Some((read.parse().ok()?, write.parse().ok()?))
}

fn main() {
    let devices = devices();
    let plain = plain(&devices);
    for (name, text) in
        [("devices", &devices), ("devices, plain", &plain), ("services", &services())]
    {
        println!("{name}: {:.1} MB", text.len() as f64 / 1e6);
        let records = records(text);
        let ignore = |item| {
            black_box(item);
            ControlFlow::Continue(())
        };
        let read = speed("  read", text.len(), || {
            black_box(read_records(&text[..], ignore).expect("our own document"));
        });
        speed("  read without the fast path", text.len(), || {
            black_box(read_records_generally(&text[..], ignore).expect("our own document"));
        });
        let written = write(&records).len();
        let write = speed("  write", written, || {
            black_box(write(&records));
        });
        // A part of the document is enough to measure a slow reader.
        let end = text.len().min(2_000_000);
        let end = text[..end].windows(3).rposition(|bytes| bytes == b"\n- ").unwrap_or(end);
        if let Some((python_read, python_write)) = pyyaml(&text[..end + 1]) {
            println!("  PyYAML reads {python_read:.2} MB/s: {:.0} times", read / python_read);
            println!("  PyYAML writes {python_write:.2} MB/s: {:.0} times", write / python_write);
        }
    }
}
