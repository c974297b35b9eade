//! The encoding of a table: UTF-8, or UTF-16 as Excel writes "Unicode Text".

use std::io::{self, BufRead, Read};

/// The byte order mark of UTF-8.
const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A byte that occurs in no UTF-8 text. It stands for UTF-16 that is not valid, so that the reader
/// of the table reports the line.
const INVALID: u8 = 0xFF;

/// Number of bytes of UTF-16 that are converted at a time.
const CHUNK_BYTES: usize = 8 << 10;

/// The order of the two bytes of a UTF-16 unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

/// Reads a text as UTF-8, without its byte order mark.
pub(super) struct Utf8Reader<R> {
    from: R,
    /// `None` if the text is UTF-8 already.
    utf_16: Option<Utf16>,
}

/// The conversion of UTF-16.
struct Utf16 {
    order: ByteOrder,
    /// Converted bytes that are not returned yet, in reverse order.
    converted: Vec<u8>,
    /// The first byte of a unit whose second byte is not read yet.
    half: Option<u8>,
    /// The first unit of a pair whose second unit is not read yet.
    first_of_pair: Option<u16>,
}

impl<R: BufRead> Utf8Reader<R> {
    /// Recognises the encoding by the first bytes. Text without a byte order mark is UTF-16 if every
    /// second byte of its first two characters is zero.
    pub(super) fn new(mut from: R) -> io::Result<Self> {
        let first = from.fill_buf()?;
        let (mark_bytes, order) = match first {
            [0xFF, 0xFE, ..] => (2, Some(ByteOrder::Little)),
            [0xFE, 0xFF, ..] => (2, Some(ByteOrder::Big)),
            [a, 0, b, 0, ..] if *a != 0 && *b != 0 => (0, Some(ByteOrder::Little)),
            [0, a, 0, b, ..] if *a != 0 && *b != 0 => (0, Some(ByteOrder::Big)),
            first if first.starts_with(UTF_8_MARK) => (UTF_8_MARK.len(), None),
            _ => (0, None),
        };
        from.consume(mark_bytes);
        let utf_16 = order.map(|order| Utf16 {
            order,
            converted: Vec::new(),
            half: None,
            first_of_pair: None,
        });
        Ok(Self { from, utf_16 })
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(utf_16) = &mut self.utf_16 else { return self.from.read(bytes) };
        while utf_16.converted.is_empty() {
            let mut chunk = [0; CHUNK_BYTES];
            let read = self.from.read(&mut chunk)?;
            if read == 0 {
                if utf_16.half.take().is_some() || utf_16.first_of_pair.take().is_some() {
                    utf_16.converted.push(INVALID);
                    break;
                }
                return Ok(0);
            }
            utf_16.convert(&chunk[..read]);
        }
        let mut count = 0;
        while count < bytes.len()
            && let Some(byte) = utf_16.converted.pop()
        {
            bytes[count] = byte;
            count += 1;
        }
        Ok(count)
    }
}

impl Utf16 {
    /// Converts the next bytes.
    fn convert(&mut self, bytes: &[u8]) {
        let mut text = Vec::with_capacity(bytes.len());
        for byte in bytes {
            let Some(half) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = match self.order {
                ByteOrder::Little => u16::from_le_bytes([half, *byte]),
                ByteOrder::Big => u16::from_be_bytes([half, *byte]),
            };
            self.push(unit, &mut text);
        }
        text.reverse();
        self.converted = text;
    }

    /// Adds the character that a unit is, or completes.
    fn push(&mut self, unit: u16, text: &mut Vec<u8>) {
        let is_first = matches!(unit, 0xD800..=0xDBFF);
        match self.first_of_pair.take() {
            None if is_first => self.first_of_pair = Some(unit),
            None => push_units(&[unit], text),
            Some(first) => push_units(&[first, unit], text),
        }
    }
}

fn push_units(units: &[u16], text: &mut Vec<u8>) {
    for decoded in char::decode_utf16(units.iter().copied()) {
        match decoded {
            Ok(character) => text.extend(character.encode_utf8(&mut [0; 4]).bytes()),
            Err(_) => text.push(INVALID),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        Utf8Reader::new(bytes).unwrap().read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn utf_16_and_byte_order_marks_are_converted() {
        let text = "näme;é>b\r\n日本;😀\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            [b"\xFF\xFE", &little[..]].concat(),
            [b"\xFE\xFF", &big[..]].concat(),
            little,
            big,
        ] {
            assert_eq!(String::from_utf8(read(&bytes)).unwrap(), text);
        }
        let long = "é😀".repeat(20_000);
        let units = long.encode_utf16().flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units).collect();
        assert_eq!(String::from_utf8(read(&bytes)).unwrap(), long);
    }

    #[test]
    fn utf_16_that_is_not_valid_is_not_utf_8() {
        for bytes in [&b"\xFF\xFEa\0\n"[..], b"\xFF\xFE\x00\xD8", b"\xFF\xFE\x00\xDCa\0"] {
            assert!(String::from_utf8(read(bytes)).is_err(), "{bytes:x?}");
        }
        assert_eq!(read(b"\xFF\xFE"), b"");
        assert_eq!(read(b""), b"");
    }
}
