//! Workbooks that are unpacked, changed and packed again, and workbooks with a few changed bytes.

use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// An archive of these files.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in files {
        zip.start_file(*name, options.compression_level(Some(1))).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The same archive with one file changed.
pub(crate) fn changed(archived: &[u8], name: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut from = ZipArchive::new(Cursor::new(archived)).unwrap();
    let mut files = Vec::new();
    for index in 0..from.len() {
        let mut file = from.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let is_named = file.name() == name;
        files.push((file.name().to_owned(), if is_named { change(bytes) } else { bytes }));
    }
    let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    archive(&files.collect::<Vec<_>>())
}

/// A `.xlsb` with one sheet ([MS-XLSB]) that has the given records.
pub(crate) fn xlsb(sheet: &str, rows: &[u8]) -> Vec<u8> {
    let wide = |text: &str| {
        let units: Vec<u16> = text.encode_utf16().collect();
        let length = (units.len() as u32).to_le_bytes();
        [&length[..], &units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>()]
            .concat()
    };
    let bundle = [&[0; 4][..], &1u32.to_le_bytes(), &wide("rId1"), &wide(sheet)].concat();
    let workbook = [
        xlsb_record(0x83, &[]),
        xlsb_record(0x8f, &[]),
        xlsb_record(0x9c, &bundle),
        xlsb_record(0x90, &[]),
        xlsb_record(0x9d, &[0; 26]),
        xlsb_record(0x84, &[]),
    ];
    let begin = [xlsb_record(0x81, &[]), xlsb_record(0x94, &[0; 16]), xlsb_record(0x91, &[])];
    let end = [xlsb_record(0x92, &[]), xlsb_record(0x82, &[])];
    let sheet = [&begin.concat(), rows, &end.concat()].concat();
    let relationships = b"<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/\
        relationships\"><Relationship Id=\"rId1\" Target=\"worksheets/sheet1.bin\" Type=\"x\"/>\
        </Relationships>";
    archive(&[
        ("xl/workbook.bin", &workbook.concat()),
        ("xl/_rels/workbook.bin.rels", relationships),
        ("xl/worksheets/sheet1.bin", &sheet),
    ])
}

/// A record of a `.xlsb`: its type and length, seven bits a byte, and what it holds.
pub(crate) fn xlsb_record(type_: u16, held: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    for number in [type_ as usize, held.len()] {
        let mut rest = number;
        while rest >= 0x80 {
            record.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        record.push(rest as u8);
    }
    record.extend_from_slice(held);
    record
}

/// The stream of a `.xls`.
pub(crate) fn stream(workbook: &[u8]) -> Vec<u8> {
    let mut container = cfb::CompoundFile::open(Cursor::new(workbook)).unwrap();
    let mut stream = Vec::new();
    container.open_stream("/Workbook").unwrap().read_to_end(&mut stream).unwrap();
    stream
}

/// A container with one stream.
pub(crate) fn container(name: &str, bytes: &[u8]) -> Vec<u8> {
    let out = Cursor::new(Vec::new());
    let mut container = cfb::CompoundFile::create_with_version(cfb::Version::V3, out).unwrap();
    container.create_stream(name).unwrap().write_all(bytes).unwrap();
    container.flush().unwrap();
    container.into_inner().into_inner()
}

/// Reproducible pseudorandom numbers.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        Self(0x5EED)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// A few bytes changed, or a part left out or doubled.
    pub(crate) fn mutate(&mut self, bytes: &mut Vec<u8>) {
        match self.below(8) {
            0 => bytes.truncate(self.below(bytes.len())),
            1 => {
                let at = self.below(bytes.len());
                let end = (at + self.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let at = self.below(bytes.len());
                let part = bytes[at..(at + 32).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                for _ in 0..=self.below(8) {
                    let at = self.below(bytes.len());
                    bytes[at] = match self.below(4) {
                        0 => 0,
                        1 => 0xFF,
                        2 => bytes[at] ^ (1 << self.below(8)),
                        _ => self.below(256) as u8,
                    };
                }
            }
        }
    }
}

/// The number of mutants of each format: `SATCHEL_MUTATIONS`, or a number that takes about a
/// second.
pub(crate) fn mutations() -> usize {
    std::env::var("SATCHEL_MUTATIONS").map_or(40, |text| text.parse().unwrap())
}

/// Mutants of a `.xls`.
pub(crate) struct XlsMutants {
    workbook: Vec<u8>,
    stream: Vec<u8>,
}

impl XlsMutants {
    pub(crate) fn of(workbook: Vec<u8>) -> Self {
        let stream = stream(&workbook);
        Self { workbook, stream }
    }

    /// Half of them are changed in the container, half of them in the records that are in it.
    pub(crate) fn next(&self, chance: &mut Chance) -> Vec<u8> {
        match chance.below(2) {
            0 => {
                let mut bytes = self.workbook.clone();
                chance.mutate(&mut bytes);
                bytes
            }
            _ => {
                let mut bytes = self.stream.clone();
                chance.mutate(&mut bytes);
                container("/Workbook", &bytes)
            }
        }
    }
}

/// Mutants of a `.xlsx`.
pub(crate) struct XlsxMutants {
    workbook: Vec<u8>,
    names: Vec<String>,
}

impl XlsxMutants {
    pub(crate) fn of(workbook: Vec<u8>) -> Self {
        let mut archive = ZipArchive::new(Cursor::new(&workbook)).unwrap();
        // LibreOffice writes empty folders.
        let names = (0..archive.len()).filter_map(|index| {
            let file = archive.by_index(index).unwrap();
            (file.size() > 0).then(|| file.name().to_owned())
        });
        let names = names.collect();
        Self { workbook, names }
    }

    /// A third of them are changed in the archive, the others in the files that are in it.
    pub(crate) fn next(&self, chance: &mut Chance) -> Vec<u8> {
        if chance.below(3) == 0 {
            let mut bytes = self.workbook.clone();
            chance.mutate(&mut bytes);
            return bytes;
        }
        let name = &self.names[chance.below(self.names.len())];
        mutated(&self.workbook, name, chance)
    }
}

/// The same archive with one of its files mutated.
pub(crate) fn mutated(archived: &[u8], name: &str, chance: &mut Chance) -> Vec<u8> {
    let seed = chance.below(usize::MAX);
    changed(archived, name, |mut bytes| {
        Chance(seed as u64).mutate(&mut bytes);
        bytes
    })
}
