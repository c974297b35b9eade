//! Archives written, and read by another.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use super::{Archive, StreamOutput};

#[test]
fn an_entry_is_read_back_and_its_header_has_room_for_zip64() {
    let text = "<c r=\"A1\">R 1% é>b</c>".repeat(3_000);
    let mut archive = Archive::new(Cursor::new(Vec::new()));
    let mut entry = archive.entry("a".to_owned()).unwrap();
    for part in text.as_bytes().chunks(17) {
        entry.write_all(part).unwrap();
    }
    entry.finish().unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    // The version that is needed, and the lengths of the name and of the extra fields.
    assert_eq!((bytes[4], bytes[26], bytes[28]), (45, 1, 20));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut read = String::new();
    archive.by_name("a").unwrap().read_to_string(&mut read).unwrap();
    assert!(read == text);
}

#[test]
fn an_archive_on_a_stream_has_its_sizes_after_the_data() {
    let text = "<c r=\"A1\">R 1% é>b</c>".repeat(3_000);
    let mut archive = Archive::new(StreamOutput::new(Vec::new()));
    for name in ["a", "empty"] {
        let mut entry = archive.entry(name.to_owned()).unwrap();
        if name == "a" {
            entry.write_all(text.as_bytes()).unwrap();
        }
        entry.finish().unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    // The flag of a data descriptor.
    assert_eq!(bytes[6], 8);
    let mut whole = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let mut read = String::new();
    whole.by_name("a").unwrap().read_to_string(&mut read).unwrap();
    assert!(read == text);
    assert_eq!(whole.by_name("empty").unwrap().size(), 0);
}

/// Stands far behind its beginning, and holds what is written there.
#[derive(Debug)]
struct Far {
    before: u64,
    behind: Cursor<Vec<u8>>,
}

impl Write for Far {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.behind.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Far {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(at - self.before),
            SeekFrom::Current(_) | SeekFrom::End(_) => to,
        };
        Ok(self.before + self.behind.seek(to)?)
    }
}

#[test]
fn an_archive_may_have_more_than_4_gib() {
    let out = Far { before: u64::from(u32::MAX), behind: Cursor::new(Vec::new()) };
    let mut archive = Archive::new(out);
    archive.entry("a".to_owned()).unwrap().finish().unwrap();
    archive.finish().unwrap();
}

#[test]
fn an_archive_may_have_more_entries_than_16_bits_count() {
    let mut archive = Archive::new(Cursor::new(Vec::new()));
    for number in 0..65_535 {
        archive.entry(number.to_string()).unwrap().finish().unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    assert_eq!(zip::ZipArchive::new(Cursor::new(bytes)).unwrap().len(), 65_535);
}
