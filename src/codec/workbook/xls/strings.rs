//! The table of texts that all cells of a workbook share (SST).
//!
//! Cells refer to texts by index. The table comes before the sheets in the stream, so it is written
//! to a temporary file while cells are written. Repeated texts are looked up in a cache; when it is
//! full, further texts are written at each occurrence. The format allows repeated texts in the
//! table.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use super::record::{BODY_BYTES_MAX, CONTINUE, EXTSST, HEAD_BYTES, RecordBuilder, SST};

/// Memory for the texts of the cache, in bytes.
const CACHE_BYTES_MAX: usize = 24 << 20;
/// Number of texts in the cache: the largest number for which its hash table stays below 18 MB.
const CACHE_TEXTS_MAX: usize = (1 << 20) / 8 * 7;

/// Number of positions in the EXTSST record: as many as fit in one record.
const POSITIONS_MAX: usize = 1_024;
/// The smallest number of texts between two positions that [MS-XLS] allows (ExtSST).
const TEXTS_BETWEEN_POSITIONS_MIN: u32 = 8;

/// Length of the two counts before the texts, in bytes: of references and of texts.
const COUNTS_BYTES: usize = 8;
/// Length of the head before each text, in bytes: its length, and one flag for its width.
const TEXT_HEAD_BYTES: usize = 3;

/// The table while it is being written.
#[derive(Debug)]
pub(super) struct StringTableWriter {
    out: BufWriter<File>,
    /// Position of the current record.
    record_at: u64,
    /// Body of the current record.
    body: Vec<u8>,
    references: u32,
    texts: u32,
    positions: Vec<TextPosition>,
    texts_between_positions: u32,
    cache: TextCache,
}

/// The finished table.
#[derive(Debug)]
pub(super) struct StringTable {
    pub(super) file: File,
    pub(super) bytes: u64,
    positions: Vec<TextPosition>,
    texts_between_positions: u32,
}

/// Position of a text, relative to the beginning of the table and to that of its record.
#[derive(Clone, Copy, Debug)]
struct TextPosition {
    in_table: u32,
    in_record: u16,
}

impl StringTableWriter {
    /// Begins a table in this empty file.
    pub(super) fn new(file: File) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 16, file),
            record_at: 0,
            body: vec![0; COUNTS_BYTES],
            references: 0,
            texts: 0,
            positions: Vec::new(),
            texts_between_positions: TEXTS_BETWEEN_POSITIONS_MIN,
            cache: TextCache::default(),
        }
    }

    /// Current length of the table, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.record_at + (HEAD_BYTES + self.body.len()) as u64
    }

    /// Returns the index of a text, and adds it to the table if necessary. Counts one reference to
    /// it. The text must not be empty, and must fit in a cell.
    pub(super) fn index_of(&mut self, text: &str) -> io::Result<u32> {
        self.references += 1;
        match self.cache.find_or_insert(text, self.texts) {
            Some(index) => Ok(index),
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
        // The head and the first character must be in the same record.
        if self.room() < TEXT_HEAD_BYTES + 4 {
            self.end_record()?;
        }
        self.note_position();
        self.body.extend_from_slice(&(units as u16).to_le_bytes());
        self.body.push(u8::from(is_wide));
        if is_wide { self.add_wide(text) } else { self.add_narrow(text) }
    }

    /// Adds a text whose characters are all below U+0100, one byte each.
    fn add_narrow(&mut self, text: &str) -> io::Result<()> {
        for c in text.chars() {
            if self.room() == 0 {
                self.end_record()?;
                self.body.push(0);
            }
            self.body.push(c as u8);
        }
        Ok(())
    }

    /// Adds a text in UTF-16.
    fn add_wide(&mut self, text: &str) -> io::Result<()> {
        for c in text.chars() {
            // Both halves of a surrogate pair must be in the same record.
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

    /// Bytes left in the current record.
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

    /// Notes the position of the next text, if it belongs in the EXTSST record. If there are too
    /// many positions, drops every second one.
    fn note_position(&mut self) {
        if !self.texts.is_multiple_of(self.texts_between_positions) {
            return;
        }
        if self.positions.len() == POSITIONS_MAX {
            let mut is_kept = false;
            self.positions.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.texts_between_positions *= 2;
        }
        let in_record = HEAD_BYTES + self.body.len();
        let in_table = (self.record_at + in_record as u64) as u32;
        self.positions.push(TextPosition { in_table, in_record: in_record as u16 });
    }

    /// Ends the table, and writes the counts at its beginning.
    pub(super) fn finish(mut self) -> io::Result<StringTable> {
        self.end_record()?;
        self.out.seek(SeekFrom::Start(HEAD_BYTES as u64))?;
        self.out.write_all(&self.references.to_le_bytes())?;
        self.out.write_all(&self.texts.to_le_bytes())?;
        let mut file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(StringTable {
            file,
            bytes: self.record_at,
            positions: self.positions,
            texts_between_positions: self.texts_between_positions,
        })
    }
}

impl StringTable {
    /// The EXTSST record, an index of a table that begins at `at` in the stream.
    pub(super) fn index(&self, at: u32) -> RecordBuilder {
        let mut body = RecordBuilder::default().u16(self.texts_between_positions as u16);
        for position in &self.positions {
            body = body.u32(at + position.in_table).u16(position.in_record).u16(0);
        }
        RecordBuilder::default().record(EXTSST, body)
    }
}

/// Texts and their indexes in the table.
#[derive(Debug, Default)]
struct TextCache {
    /// The texts by a hash with a random key. If two texts have the same hash, only the first is
    /// kept.
    texts: HashMap<u64, CachedText, BuildHasherDefault<IdentityHasher>>,
    /// The texts, each after its length.
    bytes: Vec<u8>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct CachedText {
    /// Position in the bytes of the cache.
    at: u32,
    index: u32,
}

impl TextCache {
    /// Returns the index of a text. `None` if the text is new: then it is inserted with this index,
    /// if there is room.
    fn find_or_insert(&mut self, text: &str, index: u32) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        if let Some(found) = self.texts.get(&hash) {
            return (self.text_at(found.at) == text.as_bytes()).then_some(found.index);
        }
        let Ok(length) = u16::try_from(text.len()) else { return None };
        let at = self.bytes.len();
        let has_room = at + size_of::<u16>() + text.len() <= CACHE_BYTES_MAX
            && self.texts.len() < CACHE_TEXTS_MAX;
        if has_room {
            self.bytes.extend_from_slice(&length.to_le_bytes());
            self.bytes.extend_from_slice(text.as_bytes());
            self.texts.insert(hash, CachedText { at: at as u32, index });
        }
        None
    }

    fn text_at(&self, at: u32) -> &[u8] {
        let text = &self.bytes[at as usize..];
        let (length, text) = text.split_at(size_of::<u16>());
        &text[..usize::from(u16::from_le_bytes([length[0], length[1]]))]
    }
}

/// Hashes a key that is a hash already.
#[derive(Debug, Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
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
