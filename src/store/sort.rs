//! Sorting more than memory holds: sorted runs on the disk, merged while they are read.
//!
//! An import is a walk over sorted streams; what it has to sort is as large as the project. Up to
//! its budget a [`Sorter`] keeps everything in memory, and small imports touch no disk.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// What a run's reader holds in memory, in bytes.
const READ_BUFFER_BYTES: usize = 128 * 1024;

/// After so many runs they are made twice as long, or a sorter of ten million records would keep more
/// files open than the 1,024 that a process may have.
const RUNS_PER_LENGTH: usize = 64;

/// Takes pairs of bytes in any order.
pub struct Sorter {
    folder: PathBuf,
    budget_bytes: usize,
    held: Held,
    runs: Vec<Run>,
}

/// Pairs in memory: their bytes one behind the other, and where each begins.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    pairs: Vec<Pair>,
}

#[derive(Clone, Copy)]
struct Pair {
    at: usize,
    key: u32,
    value: u32,
}

impl Held {
    fn key(&self, pair: &Pair) -> &[u8] {
        &self.bytes[pair.at..][..pair.key as usize]
    }

    fn value(&self, pair: &Pair) -> &[u8] {
        &self.bytes[pair.at + pair.key as usize..][..pair.value as usize]
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.pairs.len() * size_of::<Pair>()
    }

    fn sort(&mut self) {
        let mut pairs = std::mem::take(&mut self.pairs);
        // Stable: equal keys stay in the order in which they came.
        pairs.sort_by(|a, b| self.key(a).cmp(self.key(b)));
        self.pairs = pairs;
    }
}

/// A sorted file without a name, which goes when it is closed.
struct Run(File);

impl Sorter {
    /// A sorter that sets aside in `folder` what exceeds `budget_bytes` of memory. What is many times
    /// as large takes a little more of it.
    pub fn new(folder: &Path, budget_bytes: usize) -> Self {
        Self { folder: folder.to_owned(), budget_bytes, held: Held::default(), runs: Vec::new() }
    }

    /// Takes a pair. Key and value are each shorter than 4 GB.
    ///
    /// # Errors
    /// When a run cannot be written.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let length =
            |part: &[u8]| u32::try_from(part.len()).map_err(|_| io::ErrorKind::FileTooLarge);
        let pair = Pair { at: self.held.bytes.len(), key: length(key)?, value: length(value)? };
        self.held.bytes.extend_from_slice(key);
        self.held.bytes.extend_from_slice(value);
        self.held.pairs.push(pair);
        if self.held.size() > self.budget_bytes {
            self.set_aside()?;
        }
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<()> {
        self.held.sort();
        let mut out = BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(&self.folder)?);
        for pair in &self.held.pairs {
            out.write_all(&pair.key.to_le_bytes())?;
            out.write_all(&pair.value.to_le_bytes())?;
            out.write_all(self.held.key(pair))?;
            out.write_all(self.held.value(pair))?;
        }
        self.runs.push(Run(out.into_inner().map_err(|error| error.into_error())?));
        self.held.bytes.clear();
        self.held.pairs.clear();
        if self.runs.len().is_multiple_of(RUNS_PER_LENGTH) {
            self.budget_bytes = self.budget_bytes.saturating_mul(2);
        }
        Ok(())
    }

    /// Everything that was pushed, sorted by key; equal keys in the order of their pushes.
    ///
    /// # Errors
    /// When the last run cannot be written.
    pub fn finish(mut self) -> io::Result<Sorted> {
        if !self.runs.is_empty() && !self.held.pairs.is_empty() {
            self.set_aside()?;
            self.held = Held::default();
        }
        self.held.sort();
        Ok(Sorted { held: self.held, runs: self.runs })
    }
}

/// Sorted pairs, to be read as often as needed.
pub struct Sorted {
    held: Held,
    runs: Vec<Run>,
}

impl Sorted {
    /// Begins to read, at the first pair.
    pub fn read(&self) -> Reader<'_> {
        Reader { held: &self.held, next: 0, runs: &self.runs, heap: None }
    }
}

/// Reads sorted pairs.
pub struct Reader<'a> {
    held: &'a Held,
    next: usize,
    runs: &'a [Run],
    /// Filled when the first pair is asked for.
    heap: Option<Merge<'a>>,
}

/// The runs' next pairs, and the pair that was given last.
struct Merge<'a> {
    heap: BinaryHeap<Reverse<Source<'a>>>,
    given: bool,
}

/// A run's next pair. Ordered by its key, then by the run's age.
struct Source<'a> {
    key: Vec<u8>,
    value: Vec<u8>,
    age: usize,
    from: BufReader<Positioned<'a>>,
}

impl Source<'_> {
    /// Reads the next pair. False at the end.
    fn advance(&mut self) -> io::Result<bool> {
        let mut length = [0; 4];
        match self.from.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        let key = u32::from_le_bytes(length) as usize;
        self.from.read_exact(&mut length)?;
        let value = u32::from_le_bytes(length) as usize;
        self.key.resize(key, 0);
        self.from.read_exact(&mut self.key)?;
        self.value.resize(value, 0);
        self.from.read_exact(&mut self.value)?;
        Ok(true)
    }
}

impl PartialEq for Source<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Source<'_> {}

impl PartialOrd for Source<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Source<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key).then(self.age.cmp(&other.age))
    }
}

/// Reads a shared file from a place of its own.
struct Positioned<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Reader<'_> {
    /// The next key and value.
    ///
    /// # Errors
    /// When a run cannot be read.
    #[expect(clippy::should_implement_trait, reason = "what is given is borrowed from the reader")]
    pub fn next(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        if self.runs.is_empty() {
            let pair = self.held.pairs.get(self.next);
            self.next += 1;
            return Ok(pair.map(|pair| (self.held.key(pair), self.held.value(pair))));
        }
        let merge = match &mut self.heap {
            Some(merge) => merge,
            none => none.insert(Merge::begin(self.runs)?),
        };
        merge.next()
    }
}

impl<'a> Merge<'a> {
    fn begin(runs: &'a [Run]) -> io::Result<Self> {
        let mut heap = BinaryHeap::with_capacity(runs.len());
        for (age, Run(file)) in runs.iter().enumerate() {
            let from = BufReader::with_capacity(READ_BUFFER_BYTES, Positioned { file, at: 0 });
            let mut source = Source { key: Vec::new(), value: Vec::new(), age, from };
            if source.advance()? {
                heap.push(Reverse(source));
            }
        }
        Ok(Self { heap, given: false })
    }

    fn next(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        // What was given last is still the first; only now its run may go on.
        if std::mem::replace(&mut self.given, true)
            && let Some(mut first) = self.heap.peek_mut()
            && !first.0.advance()?
        {
            PeekMut::pop(first);
        }
        Ok(self.heap.peek().map(|Reverse(source)| (&source.key[..], &source.value[..])))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn much_more_than_the_budget_stays_in_few_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), 256);
        let records = 100_000u32;
        for number in 0..records {
            sorter.push(&(number * 7919 % records).to_be_bytes(), &[7; 20]).unwrap();
        }
        assert!(sorter.runs.len() < 8 * RUNS_PER_LENGTH, "{} runs", sorter.runs.len());
        let sorted = sorter.finish().unwrap();
        let mut reader = sorted.read();
        for number in 0..records {
            let (key, _) = reader.next().unwrap().unwrap();
            assert_eq!(key, number.to_be_bytes());
        }
    }

    proptest! {
        /// Whatever the budget, what comes out is what a stable sort gives, as often as it is read.
        #[test]
        fn sorts_as_a_stable_sort_does(
            pairs in prop::collection::vec((prop::collection::vec(0u8..4, 0..4), any::<u16>()), 0..300),
            budget in 0usize..4000,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(folder.path(), budget);
            for (key, value) in &pairs {
                sorter.push(key, &value.to_le_bytes()).unwrap();
            }
            let mut expected = pairs;
            expected.sort_by(|(a, _), (b, _)| a.cmp(b));
            let sorted = sorter.finish().unwrap();
            for _ in 0..2 {
                let mut reader = sorted.read();
                for (key, value) in &expected {
                    prop_assert_eq!(reader.next().unwrap(), Some((&key[..], &value.to_le_bytes()[..])));
                }
                prop_assert_eq!(reader.next().unwrap(), None);
            }
        }
    }
}
