//! Archives are written and read by the `zip` crate.

use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};

use super::{Archive, Piece, PieceWriter, Width};

const WIDTHS: [Width; 2] = [Width::Bits32, Width::Bits64];

fn text_of(archive: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn consecutive_pieces_are_one_entry() {
    // Equal ones, so that each could refer to the one before it.
    let stretch = "<c r=\"A1\">R 1% é>b</c>".repeat(3_000);
    for width in WIDTHS {
        let mut archive = Archive::new(Cursor::new(Vec::new()), width);
        let mut file = PieceWriter::new(Cursor::new(Vec::new()));
        for part in stretch.as_bytes().chunks(17) {
            file.write_all(part).unwrap();
        }
        assert_eq!(file.unpacked(), stretch.len() as u64);
        let (mut file, long) = file.finish().unwrap();
        assert!(file.get_ref().len() as u64 > long.packed, "the end of its stream is behind it");
        file.set_position(0);
        let (head, short) = Piece::of(&stretch.as_bytes()[..100]).unwrap();
        let (nothing, none) = Piece::of(&[]).unwrap();
        let parts: &mut [(&Piece, &mut dyn Read)] = &mut [
            (&short, &mut head.as_slice()),
            (&long, &mut file),
            (&none, &mut nothing.as_slice()),
            (&short, &mut head.as_slice()),
        ];
        archive.entry_of("pieces".to_owned(), parts).unwrap();
        archive.entry_of("none".to_owned(), &mut []).unwrap();
        let mut entry = archive.entry("whole".to_owned()).unwrap();
        entry.write_all(stretch.as_bytes()).unwrap();
        entry.finish().unwrap();
        let bytes = archive.finish().unwrap().into_inner();
        // Their CRC is checked by who reads them.
        let expected = [&stretch[..100], &stretch, &stretch[..100]].concat();
        assert!(text_of(&bytes, "pieces") == expected);
        assert_eq!(text_of(&bytes, "none"), "");
        assert!(text_of(&bytes, "whole") == stretch);
    }
}

#[test]
fn an_archive_of_32_bits_has_no_zip64_fields() {
    let of = |width: Width| {
        let mut archive = Archive::new(Cursor::new(Vec::new()), width);
        archive.entry("a".to_owned()).unwrap().finish().unwrap();
        archive.finish().unwrap().into_inner()
    };
    // The version that is needed, and the lengths of the name and of the extra fields.
    let head = |bytes: &[u8]| (bytes[4], bytes[26], bytes[28]);
    assert_eq!(head(&of(Width::Bits32)), (20, 1, 0));
    assert_eq!(head(&of(Width::Bits64)), (45, 1, 20));
}

#[test]
fn an_incomplete_piece_is_an_error() {
    let (data, piece) = Piece::of(b"R 1%").unwrap();
    let mut archive = Archive::new(Cursor::new(Vec::new()), Width::Bits32);
    let error = archive.entry_of("a".to_owned(), &mut [(&piece, &mut &data[..3])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_piece_without_room_is_an_error() {
    let text = "é>b R 1% [Shared] x".repeat(5);
    let pack = |room: &mut [u8]| {
        let mut writer = PieceWriter::new(room);
        writer.write_all(text.as_bytes())?;
        writer.finish().map(drop)
    };
    let (whole, _) = Piece::of(text.as_bytes()).unwrap();
    for bytes in 0..whole.len() {
        assert_eq!(pack(&mut vec![0; bytes]).unwrap_err().kind(), ErrorKind::WriteZero);
    }
    pack(&mut vec![0; whole.len()]).unwrap();
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
fn an_archive_of_32_bits_has_less_than_4_gib() {
    let refused = |error: io::Error| assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
    let (_, long) = Piece::of(b"R 1%").unwrap();
    let long = Piece { unpacked: u64::from(u32::MAX), ..long };
    let mut archive = Archive::new(Cursor::new(Vec::new()), Width::Bits32);
    refused(archive.entry_of("a".to_owned(), &mut [(&long, &mut io::empty())]).unwrap_err());
    for width in WIDTHS {
        let before = u64::from(u32::MAX);
        let out = Far { before, behind: Cursor::new(Vec::new()) };
        let mut archive = Archive::new(out, width);
        archive.entry("a".to_owned()).unwrap().finish().unwrap();
        match (width, archive.finish()) {
            (Width::Bits32, finished) => refused(finished.unwrap_err()),
            (Width::Bits64, finished) => {
                finished.unwrap();
            }
        }
    }
}

#[test]
fn an_archive_of_32_bits_has_less_than_65535_entries() {
    for width in WIDTHS {
        let mut archive = Archive::new(Cursor::new(Vec::new()), width);
        for number in 0..65_535 {
            archive.entry_of(number.to_string(), &mut []).unwrap();
        }
        match (width, archive.finish()) {
            (Width::Bits32, finished) => {
                assert_eq!(finished.unwrap_err().kind(), ErrorKind::FileTooLarge);
            }
            (Width::Bits64, finished) => {
                let bytes = finished.unwrap().into_inner();
                let archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
                assert_eq!(archive.len(), 65_535);
            }
        }
    }
}
