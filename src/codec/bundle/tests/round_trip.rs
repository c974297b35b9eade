//! Written bundles are read, by Satchel and by another zip reader.

use std::{fs, path::PathBuf};

use super::{super::source::ByteSource, *};
use crate::codec::zip::format::RecordBytes;

/// Returns the folder of real projects, if it exists. In CI it must.
pub(super) fn fixtures() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let worktree = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    let named = std::env::var_os("SATCHEL_FIXTURES").map(PathBuf::from);
    let found = named.into_iter().chain([beside, worktree]).find(|path| path.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "the fixtures are missing");
        println!("skipped: there are no fixtures (SATCHEL_FIXTURES)");
    }
    found
}

#[test]
fn a_written_bundle_is_read() {
    let long = b"- {name: \"device\", port: !!int \"22\"}\n".repeat(100_000);
    let documents: [(Kind, &[u8]); 3] =
        [(Kind::Pool, b"[]\n"), (Kind::Device, &long), (Kind::User, b"")];
    let archive = bundle(&documents);
    assert!(archive.len() < long.len() / 20, "packed");

    let reader = BundleReader::open(archive.clone(), Limits::default()).unwrap();
    reader.verify().unwrap();
    let declared = reader.metadata().declared.as_ref().unwrap();
    assert_eq!(declared.format, FORMAT);
    assert_eq!(reader.metadata().secrets(), Some(Secrets::Included));
    assert_eq!(reader.metadata().document(Kind::Device).unwrap().bytes, long.len() as u64);
    assert_eq!(reader.metadata().document(Kind::Link), None);
    assert!(reader.document(Kind::Link).is_none());

    let read = read_all(archive.clone()).unwrap();
    let expected =
        [(Kind::User, vec![]), (Kind::Device, long.clone()), (Kind::Pool, b"[]\n".to_vec())];
    assert_eq!(read, expected);
    assert_eq!(bundle(&documents), archive, "equal projects make equal bundles");
}

#[test]
fn documents_are_read_in_parallel() {
    let texts: [&[u8]; 2] = [&b"- {name: a}\n".repeat(50_000), &b"- {name: bb}\n".repeat(50_000)];
    let archive = bundle(&[(Kind::Device, texts[0]), (Kind::Link, texts[1])]);
    let reader = BundleReader::open(archive, Limits::default()).unwrap();
    std::thread::scope(|scope| {
        for (kind, text) in [(Kind::Device, texts[0]), (Kind::Link, texts[1])] {
            let mut document = reader.document(kind).unwrap();
            scope.spawn(move || {
                let mut read = Vec::new();
                document.read_to_end(&mut read).unwrap();
                assert!(read == text);
            });
        }
    });
}

#[test]
fn another_zip_reader_finds_the_same() {
    let archive = bundle(&[(Kind::Device, b"- {name: a}\n"), (Kind::WorkflowEdge, b"[]\n")]);
    let mut other = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let names: Vec<_> = other.file_names().map(str::to_owned).collect();
    assert_eq!(names, ["device.yaml", "workflow_edge.yaml", "metadata.yaml"]);
    let mut entry = other.by_name("device.yaml").unwrap();
    assert_eq!(entry.unix_mode(), Some(0o100_644));
    let mut text = String::new();
    entry.read_to_string(&mut text).unwrap();
    assert_eq!(text, "- {name: a}\n");
}

#[test]
fn an_unfinished_document_makes_the_bundle_fail() {
    let mut writer = BundleWriter::new(Cursor::new(Vec::new()));
    writer.document(Kind::User).unwrap().finish(0).unwrap();
    assert!(matches!(writer.document(Kind::User), Err(WriteError::Twice(Kind::User))));
    let given_up = writer.document(Kind::Device).map(|_| ());
    assert!(given_up.is_ok());
    assert!(matches!(writer.document(Kind::Link), Err(WriteError::Unfinished(Kind::Device))));
    assert!(matches!(writer.finish(bundle_info()), Err(WriteError::Unfinished(Kind::Device))));
}

/// A file that fails with a full disk after this number of bytes.
struct Full(Cursor<Vec<u8>>, usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.position() as usize + bytes.len() > self.1 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Seek for Full {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn no_bundle_is_written_on_a_full_disk() {
    let write = |room| -> Result<Full, WriteError> {
        let mut writer = BundleWriter::new(Full(Cursor::new(Vec::new()), room));
        let mut document = writer.document(Kind::Device)?;
        document.write_all(b"- {name: a}\n").map_err(WriteError::Io)?;
        document.finish(1)?;
        Ok(writer.finish(bundle_info())?.0)
    };
    let enough = (0..).find(|room| match write(*room) {
        Ok(out) => read_all(out.0.into_inner()).unwrap().len() == 1,
        Err(WriteError::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull => false,
        Err(other) => panic!("{other}"),
    });
    assert!(enough > Some(300));
}

/// A large source of zeros, with some bytes written over them.
#[derive(Debug)]
struct Sparse {
    bytes: u64,
    pieces: Vec<(u64, Vec<u8>)>,
}

impl ByteSource for Sparse {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let most = self.bytes.saturating_sub(offset).min(buffer.len() as u64) as usize;
        buffer[..most].fill(0);
        for (at, piece) in &self.pieces {
            for (index, byte) in piece.iter().enumerate() {
                let place = (at + index as u64).checked_sub(offset).map(|place| place as usize);
                if let Some(target) = place.and_then(|place| buffer[..most].get_mut(place)) {
                    *target = *byte;
                }
            }
        }
        Ok(most)
    }

    fn bytes(&self) -> std::io::Result<u64> {
        Ok(self.bytes)
    }
}

#[test]
fn archives_over_4_gib_are_read() {
    use super::raw::{RawEnd, RawEntry, archive_ending, end64, metadata};
    let gap = 5 << 30;
    // Metadata, then five gigabytes that belong to nobody, then a document and the directory.
    let mut entries = [metadata(), RawEntry::stored("device.yaml", b"[]\n")];
    let far = gap + archive_ending(&entries[..1], &RawEnd::default()).len() as u64;
    entries[1].header_at = Some(u32::MAX);
    entries[1].extra = RecordBytes::default().u16(1).u16(8).u64(far).0;
    let whole = archive_ending(&entries, &RawEnd::default());
    let second = whole.windows(4).rposition(|bytes| bytes == b"PK\x03\x04").unwrap();
    let directory = whole.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let (directory_bytes, at) =
        ((whole.len() - 22 - directory) as u64, far + (directory - second) as u64);
    let end64 = end64(at + directory_bytes, 2, directory_bytes, at);
    let end = RawEnd {
        entries: Some(u16::MAX),
        directory_bytes: Some(u32::MAX),
        directory: Some(u32::MAX),
        between: end64,
        ..RawEnd::default()
    };
    let tail = archive_ending(&entries, &end)[second..].to_vec();
    let source = Sparse {
        bytes: far + tail.len() as u64,
        pieces: vec![(0, whole[..second].to_vec()), (far, tail)],
    };
    let reader = BundleReader::open(source, Limits::default()).unwrap();
    assert_eq!(reader.documents().collect::<Vec<_>>(), [(Kind::Device, 3)]);
    reader.verify().unwrap();
}

#[test]
fn real_projects_are_written_and_read() {
    let Some(fixtures) = fixtures() else { return };
    for project in ["default", "examples", "examples_exported_by_enms_4.6"] {
        let folder = fixtures.join("projects").join(project);
        let mut writer = BundleWriter::new(Cursor::new(Vec::new()));
        let mut expected = Vec::new();
        for kind in Kind::ALL {
            let Ok(text) = fs::read(folder.join(document_name(kind))) else { continue };
            let mut document = writer.document(kind).unwrap();
            document.write_all(&text).unwrap();
            document.finish(0).unwrap();
            expected.push((kind, text));
        }
        assert!(expected.len() > 5);
        let (archive, _) = writer.finish(bundle_info()).unwrap();
        assert!(read_all(archive.into_inner()).unwrap() == expected, "{project}");

        let text = fs::read(folder.join(METADATA_NAME)).unwrap();
        let metadata = Metadata::parse(&text).unwrap();
        assert!(metadata.export_time.is_some() && metadata.release.is_some());
    }
}
