//! Files that are often sent as workbooks, and are none.

/// Number of bytes from the beginning of a file by which [`ForeignFile::of`] recognises it.
pub const FOREIGN_BYTES: usize = 4 << 10;

/// A file format that is not read as a workbook. The messages contain the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignFile {
    /// A web page. Many programs export one under the name `.xls`.
    #[error(
        "this is an HTML page, not a workbook, whatever its name says. Open it in a spreadsheet \
         program and save it as .xlsx"
    )]
    Html,
    /// SpreadsheetML of Excel 2002 and 2003, often under the name `.xls`.
    #[error(
        "this is an XML spreadsheet of Excel 2003, not a workbook, whatever its name says. Open it in \
         a spreadsheet program and save it as .xlsx"
    )]
    Xml2003,
    /// An OpenDocument spreadsheet that is one XML file (`.fods`).
    #[error(
        "this is a flat OpenDocument file (.fods). Open it in LibreOffice and save it as .ods or .xlsx"
    )]
    FlatOpenDocument,
    /// Any other XML.
    #[error(
        "this is an XML file, not a workbook. If a spreadsheet program opens it, save it there as \
         .xlsx"
    )]
    Xml,
    /// Symbolic Link, the oldest exchange format of spreadsheet programs (`.slk`).
    #[error(
        "this is a SYLK file (.slk), not a workbook. Open it in a spreadsheet program and save it as \
         .xlsx. If it is a table whose first heading is 'ID', rename that heading"
    )]
    Sylk,
    /// A file that gzip compressed, for example `.tgz` or `.csv.gz`.
    #[error(
        "this file is compressed with gzip (.gz, .tgz). Decompress it and send the file that it \
         contains. A project must be a folder or a .zip"
    )]
    Gzip,
    /// A tar archive.
    #[error(
        "this is a tar archive. Unpack it and send the file that it contains. A project must be a \
         folder or a .zip"
    )]
    Tar,
    /// An archive of 7-Zip, RAR, bzip2, xz or zstd.
    #[error(
        "this is an archive of another kind than .zip. Unpack it and send the file that it contains. A \
         project must be a folder or a .zip"
    )]
    Archive,
    /// A zip archive without the parts of a workbook.
    #[error(
        "this is a zip archive, but not a workbook: it has none of the parts of a .xlsx, .xlsb or .ods \
         file. Unpack it and send the workbook that it contains. To import a project, \
         use `satchel import` or the REST call for projects"
    )]
    Zip,
    /// A PDF document.
    #[error("this is a PDF document, not a workbook. Export the table as .xlsx or .csv")]
    Pdf,
    /// A worksheet of Excel 2 to 4, which is not in an OLE2 container.
    #[error(
        "this is a worksheet of Excel 4 or earlier. Open it in a spreadsheet program and save it as \
         .xlsx"
    )]
    OldExcel,
    /// A text: most likely a table of comma-separated values.
    #[error(
        "this is a text file, not a workbook. If it is a table (CSV), say what its rows are: the kind \
         'device' or 'link' (REST: the form field 'kind'; command line: --kind)"
    )]
    Text,
}

/// First bytes of compressed files and archives.
const ARCHIVES: [(&[u8], ForeignFile); 6] = [
    (b"\x1F\x8B", ForeignFile::Gzip),
    (b"7z\xBC\xAF\x27\x1C", ForeignFile::Archive),
    (b"Rar!\x1A\x07", ForeignFile::Archive),
    (b"BZh", ForeignFile::Archive),
    (b"\xFD7zXZ\0", ForeignFile::Archive),
    (b"\x28\xB5\x2F\xFD", ForeignFile::Archive),
];

/// First bytes of the BOF records of Excel 2, 3 and 4.
const OLD_EXCEL: [&[u8]; 3] = [b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"];

/// The position of the word `ustar` in a tar archive (POSIX.1-1988).
const TAR_MAGIC_AT: usize = 257;

/// Beginnings of web pages, in lower case. Exports begin with any element.
const HTML: [&[u8]; 10] = [
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<meta",
    b"<title",
    b"<style",
    b"<body",
    b"<table",
    b"<div",
    b"<!--",
];

impl ForeignFile {
    /// Every format.
    pub const ALL: [Self; 12] = [
        Self::Html,
        Self::Xml2003,
        Self::FlatOpenDocument,
        Self::Xml,
        Self::Sylk,
        Self::Gzip,
        Self::Tar,
        Self::Archive,
        Self::Zip,
        Self::Pdf,
        Self::OldExcel,
        Self::Text,
    ];

    /// Recognises a format by the first [`FOREIGN_BYTES`] of a file. `None` for workbooks, zip archives
    /// and unknown bytes. Tables of comma-separated values are [`ForeignFile::Text`].
    pub fn of(first: &[u8]) -> Option<Self> {
        let archive = ARCHIVES.into_iter().find(|(begin, _)| first.starts_with(begin));
        if let Some((_, format)) = archive {
            return Some(format);
        }
        if first.get(TAR_MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar")) {
            return Some(Self::Tar);
        }
        if first.starts_with(b"%PDF-") {
            return Some(Self::Pdf);
        }
        if OLD_EXCEL.iter().any(|begin| first.starts_with(begin)) {
            return Some(Self::OldExcel);
        }
        let text = plain(first)?;
        let begins = text.trim_ascii_start();
        if begins.starts_with(b"id;p") {
            Some(Self::Sylk)
        } else if HTML.iter().any(|begin| begins.starts_with(begin)) {
            Some(Self::Html)
        } else if begins.starts_with(b"<?xml") || begins.starts_with(b"<office:document") {
            Some(Self::of_xml(begins))
        } else if begins.is_empty() {
            None
        } else {
            Some(Self::Text)
        }
    }

    fn of_xml(text: &[u8]) -> Self {
        let has = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
        if has("urn:schemas-microsoft-com:office:spreadsheet") || has("progid=\"excel.sheet\"") {
            Self::Xml2003
        } else if has("<office:document") {
            Self::FlatOpenDocument
        } else if has("<html") {
            Self::Html
        } else {
            Self::Xml
        }
    }
}

/// The text in lower case, of UTF-16 only its bytes that are not zero. `None` if it is not text.
fn plain(first: &[u8]) -> Option<Vec<u8>> {
    let is_utf_16 = match first {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => true,
        [a, 0, b, 0, ..] | [0, a, 0, b, ..] => *a != 0 && *b != 0,
        _ => false,
    };
    let first = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first);
    let bytes = first.iter().skip(if is_utf_16 { 2 * usize::from(first[0] >= 0xFE) } else { 0 });
    let text: Vec<u8> =
        bytes.filter(|byte| !is_utf_16 || **byte != 0).map(u8::to_ascii_lowercase).collect();
    let is_text = |byte: &u8| is_utf_16 || !matches!(byte, 0..=8 | 14..=31);
    text.iter().all(is_text).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_workbooks_are_recognised() {
        let mut tar = vec![b'd'; TAR_MAGIC_AT];
        tar.extend_from_slice(b"ustar\x0000");
        let html_16: Vec<u8> = "\u{feff}<html>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let xml_2003 = b"<?xml version=\"1.0\"?>\r\n<?mso-application progid=\"Excel.Sheet\"?>\r\n\
            <Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">";
        let flat = b"<?xml version='1.0'?>\n<office:document xmlns:office=\"urn:oasis:names\">";
        for (first, expected) in [
            (&b"<html><body>"[..], Some(ForeignFile::Html)),
            (b"\xEF\xBB\xBF\r\n <TABLE border=1>", Some(ForeignFile::Html)),
            (&html_16, Some(ForeignFile::Html)),
            (xml_2003, Some(ForeignFile::Xml2003)),
            (flat, Some(ForeignFile::FlatOpenDocument)),
            (b"<?xml version='1.0'?><a/>", Some(ForeignFile::Xml)),
            (b"ID;PSCALC3\n", Some(ForeignFile::Sylk)),
            (b"\x1F\x8B\x08", Some(ForeignFile::Gzip)),
            (&tar, Some(ForeignFile::Tar)),
            (b"7z\xBC\xAF\x27\x1C\0", Some(ForeignFile::Archive)),
            (b"%PDF-1.7\n%\xe2\xe3", Some(ForeignFile::Pdf)),
            (b"\x09\x04\x06\x00\x00\x00\x10\x00", Some(ForeignFile::OldExcel)),
            (b"name,port\nR1,22\n", Some(ForeignFile::Text)),
            (b"n\xE4me;port\r", Some(ForeignFile::Text)),
            (b"\xFF\xFEn\0a\0", Some(ForeignFile::Text)),
            (b"PK\x03\x04", None),
            (b"", None),
            (b"\x7FELF\x02\x01\x01\0", None),
        ] {
            assert_eq!(ForeignFile::of(first), expected, "{first:x?}");
        }
    }
}
