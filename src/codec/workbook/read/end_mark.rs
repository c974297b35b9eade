//! The mark at the end of texts of DOS and AS/400: the control character SUB (Ctrl-Z).

use std::io::{self, Read};

const SUB: u8 = 0x1A;

/// Number of bytes that are read at a time, and the most marks that can be removed.
const CHUNK_BYTES: usize = 8 << 10;

/// Reads a text without the marks at its end.
pub(super) struct WithoutEndMark<R> {
    from: R,
    /// The number of marks that are read and not returned, because they can be the end.
    marks: usize,
    /// Bytes to return, from `at`.
    ready: Vec<u8>,
    at: usize,
}

impl<R: Read> WithoutEndMark<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, marks: 0, ready: Vec::new(), at: 0 }
    }
}

impl<R: Read> Read for WithoutEndMark<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            let mut chunk = [0; CHUNK_BYTES];
            let read = self.from.read(&mut chunk)?;
            if read == 0 {
                return Ok(0);
            }
            let text = chunk[..read].iter().rposition(|byte| *byte != SUB).map_or(0, |at| at + 1);
            if text == 0 && self.marks + read <= CHUNK_BYTES {
                self.marks += read;
                continue;
            }
            self.ready.clear();
            self.ready.resize(self.marks, SUB);
            self.ready.extend_from_slice(&chunk[..text]);
            self.marks = read - text;
            self.at = 0;
        }
        let count = bytes.len().min(self.ready.len() - self.at);
        bytes[..count].copy_from_slice(&self.ready[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns some bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(bytes.len());
            (&mut self.0).take(count as u64).read(bytes)
        }
    }

    #[test]
    fn only_marks_at_the_end_are_removed() {
        for (text, expected) in [
            ("a\r\n\u{1a}", "a\r\n"),
            ("a\u{1a}\u{1a}\u{1a}", "a"),
            ("a\u{1a}b\u{1a}\u{1a}c\n", "a\u{1a}b\u{1a}\u{1a}c\n"),
            ("\u{1a}", ""),
            ("", ""),
        ] {
            for step in [1, 2, 100] {
                let mut found = String::new();
                WithoutEndMark::new(Slow(text.as_bytes(), step))
                    .read_to_string(&mut found)
                    .unwrap();
                assert_eq!(found, expected, "{text:?}, {step}");
            }
        }
    }

    #[test]
    fn the_number_of_removed_marks_is_limited() {
        let mut found = Vec::new();
        let marks = vec![SUB; 4 * CHUNK_BYTES];
        WithoutEndMark::new(marks.as_slice()).read_to_end(&mut found).unwrap();
        assert!(found.len() < marks.len() && found.iter().all(|byte| *byte == SUB));
    }
}
