//! Hostile archives: each is refused, and the error names the entry at fault.

use super::{
    super::{limits::*, source::ByteSource},
    raw::*,
    *,
};
use crate::codec::zip::format::RecordBytes;

/// The problem of an archive with this entry beside the metadata, which must be named.
fn problem(entry: RawEntry) -> EntryProblem {
    let name = String::from_utf8_lossy(&entry.name).into_owned();
    problem_of(&[metadata(), entry], &name)
}

fn problem_of(entries: &[RawEntry], name: &str) -> EntryProblem {
    match read_all(archive(entries)) {
        Err(BundleError::Entry { entry, problem }) => {
            assert_eq!(entry, name);
            problem
        }
        other => panic!("{name}: {other:?}"),
    }
}

fn archive_problem(archive: Vec<u8>) -> ArchiveProblem {
    match read_all(archive) {
        Err(BundleError::Archive(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

fn device() -> RawEntry {
    RawEntry::stored("device.yaml", b"[]\n")
}

#[test]
fn a_zipped_enms_folder_is_read() {
    let root = [metadata(), device(), RawEntry::deflated("port.yaml", b"[]\n")];
    let reader = BundleReader::open(archive(&root), Limits::default()).unwrap();
    assert_eq!(reader.ignored(), ["port.yaml"]);
    assert_eq!(reader.metadata().secrets(), None);
    assert_eq!(read_all(archive(&root)).unwrap(), [(Kind::Device, b"[]\n".to_vec())]);

    let folder = RawEntry { mode: 0o040_755, ..RawEntry::stored("ex amples é/", b"") };
    let inside = |entry: RawEntry| RawEntry {
        name: [folder.name.as_slice(), &entry.name].concat(),
        ..entry
    };
    let entries = [folder.clone(), inside(device()), inside(metadata())];
    assert_eq!(read_all(archive(&entries)).unwrap().len(), 1);
    assert_eq!(read_all(archive(&entries[1..])).unwrap().len(), 1);

    let comment = RawEnd { comment: b"PK\x05\x06 a comment".to_vec(), ..RawEnd::default() };
    assert_eq!(read_all(archive_ending(&root, &comment)).unwrap().len(), 1);
    let streamed = RawEntry { flags: 1 << 3, ..device() };
    assert_eq!(read_all(archive(&[metadata(), streamed])).unwrap().len(), 1);
}

#[test]
fn a_zipped_folder_needs_no_metadata_and_can_have_files_of_operating_systems() {
    let read = |entries: &[RawEntry]| {
        let reader = BundleReader::open(archive(entries), Limits::default()).unwrap();
        reader.verify().unwrap();
        let kinds: Vec<Kind> = reader.documents().map(|(kind, _)| kind).collect();
        (kinds, reader.ignored().to_vec())
    };
    let file = |name: &str| RawEntry::stored(name, b"[]\n");
    let folder = |name: &str| RawEntry { mode: 0o040_755, ..RawEntry::stored(name, b"") };
    let devices = vec![Kind::Device];
    assert_eq!(read(&[device()]), (devices.clone(), Vec::new()));
    assert_eq!(read(&[folder("x/"), file("x/device.yaml")]), (devices.clone(), Vec::new()));
    assert_eq!(read(&[file("x\\device.yaml")]), (devices.clone(), Vec::new()));
    let entries = [
        folder("nightly/"),
        file("nightly/device.yaml"),
        file("nightly/devices.yml"),
        file("nightly/.DS_Store"),
        folder("__MACOSX/nightly/"),
        file("__MACOSX/nightly/._device.yaml"),
        file("nightly\\Thumbs.db"),
    ];
    let ignored = [
        "devices.yml",
        "nightly/.DS_Store",
        "__MACOSX/nightly/",
        "__MACOSX/nightly/._device.yaml",
        "nightly/Thumbs.db",
    ];
    assert_eq!(read(&entries), (devices.clone(), ignored.map(str::to_owned).to_vec()));
    let own = [own(), vec![file("__MACOSX/._device.yaml")]].concat();
    assert_eq!(read(&own).1, ["__MACOSX/._device.yaml"]);
    // Files beside the documents are ignored, as in a folder on a disk.
    let entries = ["x/device.yaml", "x/link.yaml.bak", "x/.git/config", "x/sub/link.yaml", "y.txt"];
    let found = read(&entries.map(file));
    let ignored = ["link.yaml.bak", ".git/config", "sub/link.yaml", "y.txt"];
    assert_eq!(found, (devices, ignored.map(str::to_owned).to_vec()));
}

#[test]
fn entry_names_that_lead_out_of_the_folder_are_refused() {
    for name in [
        "/device.yaml",
        "../device.yaml",
        "x/../device.yaml",
        "..",
        ".",
        "./device.yaml",
        "x//device.yaml",
        "..\\device.yaml",
        "x\\..\\device.yaml",
        "\\device.yaml",
        "C:\\device.yaml",
        "__MACOSX/../device.yaml",
        "C:device.yaml",
        "device.yaml\0.png",
        "dev\nice.yaml",
        "",
        "/",
    ] {
        let shown = name.replace(char::is_control, "\u{fffd}").replace('\\', "/");
        let found = problem_of(&[metadata(), RawEntry::stored(name, b"[]\n")], &shown);
        assert_eq!(found, EntryProblem::Path, "{name:?}");
    }
    let long = "x".repeat(60_000);
    let found = problem_of(&[metadata(), RawEntry::stored(&long, b"")], &long[..200]);
    assert_eq!(found, EntryProblem::Name);
}

#[test]
fn entries_that_are_not_documents_are_ignored_and_listed() {
    for name in ["readme.txt", "Device.YAML.exe", ".yaml", "x/y/z.yaml", "device.yaml~"] {
        for project in [own(), vec![metadata(), device()]] {
            let entries = [project, vec![RawEntry::stored(name, b"")]].concat();
            let reader = BundleReader::open(archive(&entries), Limits::default()).unwrap();
            assert_eq!(reader.ignored(), [name]);
        }
    }
    let bytes = RawEntry { name: b"\xff\xfe.yaml".to_vec(), ..device() };
    let reader = BundleReader::open(archive(&[metadata(), device(), bytes]), Limits::default());
    assert_eq!(reader.unwrap().ignored(), ["\u{fffd}\u{fffd}.yaml"]);
}

#[test]
fn documents_must_be_in_the_folder_of_the_metadata() {
    let folder = |first: &str| EntryProblem::Folder { first: first.to_owned() };
    for name in ["x/device.yaml", "__MAC/device.yaml", "x/metadata.yaml"] {
        let entry = RawEntry { mode: 0, ..RawEntry::stored(name, b"") };
        assert_eq!(problem(entry), folder("metadata.yaml"), "{name}");
    }
    let moved = RawEntry { name: b"x/metadata.yaml".to_vec(), ..metadata() };
    // Documents at the top are read, as those of a folder on a disk.
    let entries = archive(&[moved.clone(), device()]);
    let reader = BundleReader::open(entries, Limits::default()).unwrap();
    assert_eq!(reader.ignored(), ["x/metadata.yaml"]);
    // Two projects in one archive.
    let file = |name: &str| RawEntry::stored(name, b"[]\n");
    let two = [moved, file("x/device.yaml"), file("y/metadata.yaml"), file("y/device.yaml")];
    assert_eq!(problem_of(&two, "y/metadata.yaml"), folder("x/metadata.yaml"));
    assert_eq!(problem_of(&[file("a/b/device.yaml")], "a/b/device.yaml"), EntryProblem::Depth);
}

#[test]
fn duplicate_entries_are_refused() {
    assert_eq!(
        problem_of(&[metadata(), device(), device()], "device.yaml"),
        EntryProblem::Duplicate
    );
    let port = || RawEntry::stored("port.yaml", b"[]\n");
    assert_eq!(problem_of(&[metadata(), port(), port()], "port.yaml"), EntryProblem::Duplicate);
    let twice = [metadata(), metadata()];
    assert_eq!(problem_of(&twice, "metadata.yaml"), EntryProblem::Duplicate);
    let folder = || RawEntry { mode: 0o040_755, ..RawEntry::stored("x/", b"") };
    let moved = RawEntry { name: b"x/metadata.yaml".to_vec(), ..metadata() };
    assert_eq!(problem_of(&[folder(), folder(), moved], "x/"), EntryProblem::Duplicate);
}

#[test]
fn only_regular_files_are_read() {
    for mode in [0o120_777, 0o020_644, 0o010_644, 0o140_755, 0o060_644, 0o040_755] {
        assert_eq!(problem(RawEntry { mode, ..device() }), EntryProblem::Special { mode });
    }
    assert!(read_all(archive(&[metadata(), RawEntry { mode: 0, ..device() }])).is_ok());
}

#[test]
fn encrypted_and_unsupported_entries_are_refused() {
    for flags in [1, 1 | 1 << 6, 1 << 13] {
        assert_eq!(problem(RawEntry { flags, ..device() }), EntryProblem::Encrypted);
    }
    for method in [9, 12, 14, 93, 99] {
        assert_eq!(problem(RawEntry { method, ..device() }), EntryProblem::Method { method });
    }
    assert_eq!(problem(RawEntry { method: 8, ..device() }), EntryProblem::CompressedData);
    let mut metadata = metadata();
    metadata.method = 12;
    assert_eq!(problem_of(&[metadata], "metadata.yaml"), EntryProblem::Method { method: 12 });
}

#[test]
fn sizes_and_checksums_are_compared() {
    let text = b"- {name: a}\n".repeat(100);
    let whole = RawEntry::deflated("device.yaml", &text);
    let bytes = text.len() as u32;
    let found = problem(RawEntry { unpacked: bytes + 1, ..whole.clone() });
    assert_eq!(
        found,
        EntryProblem::ShorterThanDeclared { expected: u64::from(bytes) + 1, found: bytes.into() }
    );
    for unpacked in [0, 1, bytes - 1] {
        let found = problem(RawEntry { unpacked, ..whole.clone() });
        assert_eq!(found, EntryProblem::LongerThanDeclared { expected: unpacked.into() });
    }
    let found = problem(RawEntry { crc32: !whole.crc32, ..whole.clone() });
    assert_eq!(found, EntryProblem::Crc { expected: !whole.crc32, found: whole.crc32 });
    for cut in 1..whole.data.len() {
        let data = whole.data[..cut].to_vec();
        let found = problem(RawEntry { packed: cut as u32, data, ..whole.clone() });
        let expected = [EntryProblem::CompressedData.code(), "entry-short"];
        assert!(expected.contains(&found.code()), "{cut}: {found:?}");
    }
    let data = [whole.data.as_slice(), b"more"].concat();
    let found = problem(RawEntry { packed: data.len() as u32, data, ..whole.clone() });
    assert_eq!(found, EntryProblem::CompressedData, "hidden data");
    let stored = RawEntry { packed: 3, unpacked: 2, ..device() };
    assert_eq!(problem(stored), EntryProblem::LongerThanDeclared { expected: 2 });
}

#[test]
fn the_last_byte_is_returned_only_after_the_checks() {
    let text = b"0123456789".repeat(10_000);
    let entry = RawEntry { crc32: 7, ..RawEntry::stored("device.yaml", &text) };
    let reader = BundleReader::open(archive(&[metadata(), entry]), Limits::default()).unwrap();
    let mut document = reader.document(Kind::Device).unwrap();
    let mut read = Vec::new();
    let error = document.read_to_end(&mut read).unwrap_err();
    assert!(read.len() < text.len());
    assert_eq!(BundleError::from_io(error).code(), "entry-crc");
    let again = document.read(&mut [0; 10]).unwrap_err();
    assert_eq!(BundleError::from_io(again).code(), "entry-crc");
    assert_eq!(document.read(&mut []).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
}

#[test]
fn ambiguous_entries_are_refused() {
    let other = RawEntry { header_name: Some(b"link.yaml".to_vec()), ..device() };
    assert_eq!(problem(other), EntryProblem::Header);
    let nowhere = RawEntry { header_at: Some(1), ..device() };
    assert_eq!(problem(nowhere), EntryProblem::Header);
    for beyond in [u32::MAX - 1, 1 << 20] {
        let beyond = RawEntry { header_at: Some(beyond), ..device() };
        assert_eq!(problem(beyond), EntryProblem::OutsideArchive);
    }
    for packed in [u32::MAX - 1, 10_000] {
        assert_eq!(problem(RawEntry { packed, ..device() }), EntryProblem::OutsideArchive);
    }
    // The document of links lies within that of devices.
    let inner = RawEntry::stored("link.yaml", b"[]\n");
    let nested = archive(std::slice::from_ref(&inner));
    let at = nested.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let outer = RawEntry::stored("device.yaml", &nested[..at]);
    let head = archive(&[metadata()]).windows(4).position(|b| b == b"PK\x01\x02").unwrap();
    let within = RawEntry { header_at: Some((head + 30 + 11) as u32), data: Vec::new(), ..inner };
    let found = problem_of(&[metadata(), outer, within], "link.yaml");
    assert_eq!(found, EntryProblem::Overlap { other: "device.yaml".to_owned() });
}

#[test]
fn a_directory_that_is_not_where_the_end_record_says_is_refused() {
    let entries = [metadata(), device()];
    let ending = |end: RawEnd| archive_problem(archive_ending(&entries, &end));
    assert_eq!(archive_problem(Vec::new()), ArchiveProblem::NoEnd);
    assert_eq!(archive_problem(vec![0; 100_000]), ArchiveProblem::NoEnd);
    assert_eq!(archive_problem(b"PK\x05\x06".repeat(30_000)), ArchiveProblem::NoEnd);
    let mut whole = archive(&entries);
    whole.push(0);
    assert_eq!(archive_problem(whole.clone()), ArchiveProblem::NoEnd);
    whole.truncate(whole.len() - 30);
    assert_eq!(archive_problem(whole), ArchiveProblem::NoEnd);
    let junk_first = [b"#!/bin/sh\n".to_vec(), archive(&entries)].concat();
    assert_eq!(archive_problem(junk_first), ArchiveProblem::DataBefore { bytes: 10 });
    let first = archive(&entries);
    let bytes = first.len() as u64;
    let two = [first, archive(&entries)].concat();
    assert_eq!(archive_problem(two), ArchiveProblem::DataBefore { bytes });

    let end = RawEnd::default();
    for directory in [0, 7, u32::MAX - 1] {
        let end = RawEnd { directory: Some(directory), ..end.clone() };
        assert_eq!(ending(end), ArchiveProblem::DirectoryOffset);
    }
    // `zipfile` of Python goes by the length, `rawzip` by the offset.
    for directory_bytes in [0, 7, 46] {
        let end = RawEnd { directory_bytes: Some(directory_bytes), ..end.clone() };
        assert_eq!(ending(end), ArchiveProblem::DirectoryOffset);
    }
    let between = RawEnd { between: vec![0; 9], ..end.clone() };
    assert_eq!(ending(between), ArchiveProblem::DirectoryOffset);
    let found = ending(RawEnd { entries: Some(3), ..end.clone() });
    assert_eq!(found, ArchiveProblem::Count { counted: 3, found: 2 });
    assert_eq!(ending(RawEnd { disk: 1, ..end.clone() }), ArchiveProblem::MultiPart);
    let found = ending(RawEnd { entries: Some(u16::MAX), ..end.clone() });
    assert_eq!(found, ArchiveProblem::Entries { entries: 65_535 });

    // An extra field that ends in the middle, and ZIP64's numbers twice.
    for extra in [vec![1], vec![1, 0, 9, 0], RecordBytes::default().u16(1).u16(0).u16(1).u16(0).0] {
        let entries = [metadata(), RawEntry { extra, ..device() }];
        assert_eq!(archive_problem(archive(&entries)), ArchiveProblem::Directory);
    }
    let entries = [metadata(), RawEntry { unpacked: u32::MAX, ..device() }];
    assert_eq!(archive_problem(archive(&entries)), ArchiveProblem::Directory);
}

/// The end of an archive with ZIP64 records that contain any values.
fn claiming(entries: u64, directory_bytes: u64, directory: u64) -> Vec<u8> {
    let plain = [metadata(), device()];
    let at = archive(&plain).len() as u64 - 22;
    let end = RawEnd {
        entries: Some(u16::MAX),
        directory_bytes: Some(u32::MAX),
        directory: Some(u32::MAX),
        between: end64(at, entries, directory_bytes, directory),
        ..RawEnd::default()
    };
    archive_ending(&plain, &end)
}

#[test]
fn claims_of_enormous_directories_are_refused() {
    for huge in [1 << 31, 1 << 40, 1 << 63, u64::MAX] {
        assert_eq!(archive_problem(claiming(2, huge, 100)), ArchiveProblem::DirectoryOffset);
        assert_eq!(archive_problem(claiming(2, 100, huge)), ArchiveProblem::DirectoryOffset);
        assert_eq!(archive_problem(claiming(huge, huge, huge)), ArchiveProblem::DirectoryOffset);
    }
    let plain = archive(&[metadata(), device()]);
    let at = plain.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap() as u64;
    let bytes = plain.len() as u64 - 22 - at;
    assert!(read_all(claiming(2, bytes, at)).is_ok());
    for entries in [65, 1 << 32, 1 << 63, u64::MAX] {
        let found = archive_problem(claiming(entries, bytes, at));
        assert_eq!(found, ArchiveProblem::Entries { entries });
    }
    let mut elsewhere = claiming(2, bytes, at);
    let locator = elsewhere.windows(4).position(|bytes| bytes == b"PK\x06\x07").unwrap();
    for place in [0_u64, 1, 1 << 20, 1 << 63, u64::MAX] {
        elsewhere[locator + 8..locator + 16].copy_from_slice(&place.to_le_bytes());
        let found = archive_problem(elsewhere.clone());
        assert!(matches!(found, ArchiveProblem::Directory | ArchiveProblem::DirectoryOffset));
    }
}

/// A terabyte of nothing, with an end that calls all of it a directory.
#[derive(Debug)]
struct Terabyte(Vec<u8>);

impl ByteSource for Terabyte {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let end = (1 << 40) - self.0.len() as u64;
        let Some(within) = offset.checked_sub(end) else {
            let most = buffer.len().min((end - offset) as usize);
            buffer[..most].fill(0);
            return Ok(most);
        };
        self.0.read_at(buffer, within)
    }

    fn bytes(&self) -> std::io::Result<u64> {
        Ok(1 << 40)
    }
}

#[test]
fn a_directory_of_a_terabyte_is_not_read() {
    let end = archive_ending(
        &[],
        &RawEnd {
            directory: Some(u32::MAX),
            directory_bytes: Some(u32::MAX),
            between: end64((1 << 40) - 98, 0, (1 << 40) - 98, 0),
            ..RawEnd::default()
        },
    );
    assert_eq!(end.len(), 98);
    let error = BundleReader::open(Terabyte(end), Limits::default()).unwrap_err();
    let expected = ArchiveProblem::DirectoryTooLong { bytes: (1 << 40) - 98 };
    assert!(matches!(error, BundleError::Archive(found) if found == expected), "{error}");
}

#[test]
fn too_many_entries_are_refused() {
    let entries: Vec<_> = (0..65).map(|n| RawEntry::stored(&format!("a{n}.yaml"), b"")).collect();
    assert_eq!(archive_problem(archive(&entries)), ArchiveProblem::Entries { entries: 65 });
    let lying = RawEnd { entries: Some(2), ..RawEnd::default() };
    let found = archive_problem(archive_ending(&entries, &lying));
    assert_eq!(found, ArchiveProblem::Entries { entries: 65 });
}

/// An entry of this claimed size, in ZIP64's numbers.
fn claimed(unpacked: u64) -> RawEntry {
    let extra = RecordBytes::default().u16(1).u16(8).u64(unpacked).0;
    RawEntry { unpacked: u32::MAX, extra, ..RawEntry::deflated("device.yaml", b"[]\n") }
}

#[test]
fn zip_bombs_are_refused_before_unpacking() {
    for unpacked in [RATIO_FREE_BYTES + 1, 1 << 40, 1 << 63, u64::MAX] {
        let packed = claimed(unpacked).packed.into();
        assert_eq!(problem(claimed(unpacked)), EntryProblem::Ratio { packed, unpacked });
    }
    let zeros = RawEntry::deflated("device.yaml", &vec![0; 1 << 20]);
    assert_eq!(
        problem(RawEntry { unpacked: 9, ..zeros }),
        EntryProblem::LongerThanDeclared { expected: 9 }
    );

    let limits = Limits { project_bytes: 1000 };
    let large = RawEntry::stored("device.yaml", &[b'x'; 960]);
    let error = BundleReader::open(archive(&[metadata(), large]), limits).unwrap_err();
    assert!(matches!(error, BundleError::Unpacked { bytes: 1016, bytes_max: 1000 }), "{error}");
}

#[test]
fn missing_and_oversized_metadata_is_refused() {
    assert!(matches!(read_all(archive(&[])), Err(BundleError::MetadataMissing { .. })));
    let other = RawEntry::stored("port.yaml", b"[]\n");
    assert!(matches!(read_all(archive(&[other])), Err(BundleError::MetadataMissing { .. })));
    let nested = RawEntry::stored("nightly.zip", b"PK");
    let error = read_all(archive(&[nested])).unwrap_err();
    assert!(matches!(error, BundleError::Nested { entry } if entry == "nightly.zip"));
    let blanks = vec![b' '; METADATA_BYTES_MAX as usize + 1];
    let long = RawEntry::deflated("metadata.yaml", &blanks);
    assert_eq!(problem_of(&[long], "metadata.yaml"), EntryProblem::MetadataTooLong);
    let newer = RawEntry::stored("metadata.yaml", b"satchel: {format: 2}");
    let error = read_all(archive(&[newer, RawEntry::stored("new.txt", b"")])).unwrap_err();
    assert_eq!(error.code(), "newer-format");
}

/// The entries of a bundle of Satchel's own, to be taken apart.
fn own() -> Vec<RawEntry> {
    let whole = bundle(&[(Kind::Device, b"[]\n"), (Kind::User, b"- {name: a}\n")]);
    let mut reader = zip::ZipArchive::new(Cursor::new(whole)).unwrap();
    (0..reader.len())
        .map(|index| {
            let mut entry = reader.by_index(index).unwrap();
            let mut text = Vec::new();
            entry.read_to_end(&mut text).unwrap();
            RawEntry::stored(entry.name(), &text)
        })
        .collect()
}

#[test]
fn a_bundle_that_differs_from_its_metadata_is_refused() {
    assert_eq!(read_all(archive(&own())).unwrap().len(), 2);
    assert_eq!(problem_of(&own()[1..], "device.yaml"), EntryProblem::Missing);
    let with = |entry: RawEntry| [own(), vec![entry]].concat();
    let more = with(RawEntry::stored("link.yaml", b"[]\n"));
    assert_eq!(problem_of(&more, "link.yaml"), EntryProblem::Unlisted);
    let unknown = with(RawEntry::stored("port.yaml", b"[]\n"));
    let reader = BundleReader::open(archive(&unknown), Limits::default()).unwrap();
    assert_eq!(reader.ignored(), ["port.yaml"]);

    let changed = |text: &[u8]| {
        let mut entries = own();
        entries[0] = RawEntry::stored("device.yaml", text);
        problem_of(&entries, "device.yaml")
    };
    assert!(matches!(changed(b"{}\n"), EntryProblem::Checksum { .. }));
    assert_eq!(changed(b"[]"), EntryProblem::ShorterThanDeclared { expected: 3, found: 2 });
    assert_eq!(changed(b"[]\n\n"), EntryProblem::LongerThanDeclared { expected: 3 });
}
