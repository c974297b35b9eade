//! The table of texts that all cells of a workbook share.
//!
//! Cells refer to texts by number, and the table stands before the sheets. It is written into a
//! file of its own as texts come, already in records. A text that came before is found again, as
//! long as what is remembered of texts stays small; after that, a new text is simply written
//! each time it comes. Nothing in a workbook depends on texts being there once only.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use super::record::{BODY_BYTES_MAX, Bytes, CONTINUE, EXTSST, HEAD_BYTES, SST};

/// How much of texts is remembered, so that they are not written twice.
const REMEMBERED_BYTES_MAX: usize = 24 << 20;
/// How many texts are remembered: what fits in the table of places before it grows beyond 18 MB.
const REMEMBERED_TEXTS_MAX: usize = (1 << 20) / 8 * 7;

/// How many places of texts the index can hold, which has to fit in one record.
const PLACES_MAX: usize = 1_024;
/// Excel asks for at least so many texts between two places.
const TEXTS_BETWEEN_PLACES_MIN: u32 = 8;

/// Before the texts, the number of references to them and their own.
const COUNTS_BYTES: usize = 8;
/// Before each text, its length, and whether its units are wide.
const TEXT_HEAD_BYTES: usize = 3;

/// The table, being written.
#[derive(Debug)]
pub(super) struct Strings {
    out: BufWriter<File>,
    /// Where the record that is being filled begins.
    record_at: u64,
    body: Vec<u8>,
    references: u32,
    texts: u32,
    places: Vec<Place>,
    texts_between_places: u32,
    remembered: Remembered,
}

/// The table, written.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: File,
    pub(super) bytes: u64,
    places: Vec<Place>,
    texts_between_places: u32,
}

/// Where a text stands: how far from the beginning of the table and of its record.
#[derive(Clone, Copy, Debug)]
struct Place {
    in_table: u32,
    in_record: u16,
}

impl Strings {
    pub(super) fn new(file: File) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 16, file),
            record_at: 0,
            body: vec![0; COUNTS_BYTES],
            references: 0,
            texts: 0,
            places: Vec::new(),
            texts_between_places: TEXTS_BETWEEN_PLACES_MIN,
            remembered: Remembered::default(),
        }
    }

    /// How long the table is as yet.
    pub(super) fn bytes(&self) -> u64 {
        self.record_at + (HEAD_BYTES + self.body.len()) as u64
    }

    /// The number of a text, for a cell that shows it. The text is not empty, and fits in a cell.
    pub(super) fn number(&mut self, text: &str) -> io::Result<u32> {
        self.references += 1;
        match self.remembered.number_or_remember(text, self.texts) {
            Some(number) => Ok(number),
            None => {
                self.add(text)?;
                self.texts += 1;
                Ok(self.texts - 1)
            }
        }
    }

    fn add(&mut self, text: &str) -> io::Result<()> {
        let units = text.chars().map(char::len_utf16).sum::<usize>();
        let is_wide = text.chars().any(|c| c > '\u{FF}');
        // The head is never cut off from the first character.
        if self.room() < TEXT_HEAD_BYTES + 4 {
            self.end_record()?;
        }
        self.note_place();
        self.body.extend_from_slice(&(units as u16).to_le_bytes());
        self.body.push(u8::from(is_wide));
        if is_wide { self.wide(text) } else { self.narrow(text) }
    }

    /// A text whose characters are all among the first 256, in a byte each.
    fn narrow(&mut self, text: &str) -> io::Result<()> {
        for c in text.chars() {
            if self.room() == 0 {
                self.end_record()?;
                self.body.push(0);
            }
            self.body.push(c as u8);
        }
        Ok(())
    }

    fn wide(&mut self, text: &str) -> io::Result<()> {
        for c in text.chars() {
            // Both halves of a pair stand in one record.
            if self.room() < 2 * c.len_utf16() {
                self.end_record()?;
                self.body.push(1);
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                self.body.extend_from_slice(&unit.to_le_bytes());
            }
        }
        Ok(())
    }

    fn room(&self) -> usize {
        BODY_BYTES_MAX - self.body.len()
    }

    fn end_record(&mut self) -> io::Result<()> {
        let number = if self.record_at == 0 { SST } else { CONTINUE };
        self.out.write_all(&number.to_le_bytes())?;
        self.out.write_all(&(self.body.len() as u16).to_le_bytes())?;
        self.out.write_all(&self.body)?;
        self.record_at += (HEAD_BYTES + self.body.len()) as u64;
        self.body.clear();
        Ok(())
    }

    /// Notes where the next text stands, if the index wants it; thins the index when it is full.
    fn note_place(&mut self) {
        if !self.texts.is_multiple_of(self.texts_between_places) {
            return;
        }
        if self.places.len() == PLACES_MAX {
            let mut is_kept = false;
            self.places.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.texts_between_places *= 2;
        }
        let in_record = HEAD_BYTES + self.body.len();
        let in_table = (self.record_at + in_record as u64) as u32;
        self.places.push(Place { in_table, in_record: in_record as u16 });
    }

    /// Ends the table and writes what is known now into its beginning.
    pub(super) fn finish(mut self) -> io::Result<Table> {
        self.end_record()?;
        self.out.seek(SeekFrom::Start(HEAD_BYTES as u64))?;
        self.out.write_all(&self.references.to_le_bytes())?;
        self.out.write_all(&self.texts.to_le_bytes())?;
        let mut file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Table {
            file,
            bytes: self.record_at,
            places: self.places,
            texts_between_places: self.texts_between_places,
        })
    }
}

impl Table {
    /// The index of a table that begins at `at` in the stream.
    pub(super) fn index(&self, at: u32) -> Bytes {
        let mut body = Bytes::default().u16(self.texts_between_places as u16);
        for place in &self.places {
            body = body.u32(at + place.in_table).u16(place.in_record).u16(0);
        }
        Bytes::default().record(EXTSST, body)
    }
}

/// The texts that are found again, and their numbers.
#[derive(Debug, Default)]
struct Remembered {
    /// By a hash that nobody outside can foretell. Two texts of one hash are told apart; the
    /// second is not remembered.
    texts: HashMap<u64, Text, BuildHasherDefault<Hashed>>,
    /// Each text behind its length.
    bytes: Vec<u8>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Text {
    at: u32,
    number: u32,
}

impl Remembered {
    /// The number of a text that came before. One that did not is remembered by this number, if
    /// there is room.
    fn number_or_remember(&mut self, text: &str, number: u32) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        if let Some(found) = self.texts.get(&hash) {
            return (self.at(found.at) == text.as_bytes()).then_some(found.number);
        }
        let Ok(length) = u16::try_from(text.len()) else { return None };
        let at = self.bytes.len();
        let has_room = at + size_of::<u16>() + text.len() <= REMEMBERED_BYTES_MAX
            && self.texts.len() < REMEMBERED_TEXTS_MAX;
        if has_room {
            self.bytes.extend_from_slice(&length.to_le_bytes());
            self.bytes.extend_from_slice(text.as_bytes());
            self.texts.insert(hash, Text { at: at as u32, number });
        }
        None
    }

    fn at(&self, at: u32) -> &[u8] {
        let text = &self.bytes[at as usize..];
        let (length, text) = text.split_at(size_of::<u16>());
        &text[..usize::from(u16::from_le_bytes([length[0], length[1]]))]
    }
}

/// Takes a key that is a hash already for its own.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
