//! External sort: sorts pairs of bytes that do not fit into memory. Sorted runs are written to files
//! and merged while they are read.
//!
//! An import walks over sorted streams that are as large as the project. Below its memory budget a
//! [`Sorter`] writes no file, so small imports do not touch the disk.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// The buffer of a run's reader, in bytes.
const READ_BUFFER_BYTES: usize = 128 * 1024;

/// The memory budget doubles after this number of runs, and so does the length of a run. Otherwise a
/// sorter of ten million records would exceed the usual limit of 1,024 open files.
const RUNS_PER_BUDGET: usize = 64;

/// Collects pairs of a key and a value in any order, and sorts them by key.
pub struct Sorter {
    folder: PathBuf,
    budget_bytes: usize,
    buffer: Buffer,
    runs: Vec<Run>,
}

/// Pairs in memory: the bytes of all pairs, and the offset of each pair in them.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    pairs: Vec<Pair>,
}

#[derive(Clone, Copy)]
struct Pair {
    offset: usize,
    key_bytes: u32,
    value_bytes: u32,
}

impl Buffer {
    fn key(&self, pair: &Pair) -> &[u8] {
        &self.bytes[pair.offset..][..pair.key_bytes as usize]
    }

    fn value(&self, pair: &Pair) -> &[u8] {
        &self.bytes[pair.offset + pair.key_bytes as usize..][..pair.value_bytes as usize]
    }

    fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.pairs.len() * size_of::<Pair>()
    }

    fn sort(&mut self) {
        let mut pairs = std::mem::take(&mut self.pairs);
        // Stable: pairs with equal keys keep the order of their pushes.
        pairs.sort_by(|a, b| self.key(a).cmp(self.key(b)));
        self.pairs = pairs;
    }
}

/// A sorted file without a name. Closing it removes it.
struct Run(File);

impl Sorter {
    /// Creates a sorter that writes runs to `folder` when the pairs exceed `budget_bytes` of memory.
    /// The budget doubles after every 64 runs.
    pub fn new(folder: &Path, budget_bytes: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            budget_bytes,
            buffer: Buffer::default(),
            runs: Vec::new(),
        }
    }

    /// Adds a pair. Key and value are each shorter than 4 GiB.
    ///
    /// # Errors
    /// - [`io::ErrorKind::FileTooLarge`] if the key or the value is longer.
    /// - Any error of writing a run.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let length =
            |part: &[u8]| u32::try_from(part.len()).map_err(|_| io::ErrorKind::FileTooLarge);
        let pair = Pair {
            offset: self.buffer.bytes.len(),
            key_bytes: length(key)?,
            value_bytes: length(value)?,
        };
        self.buffer.bytes.extend_from_slice(key);
        self.buffer.bytes.extend_from_slice(value);
        self.buffer.pairs.push(pair);
        if self.buffer.memory_bytes() > self.budget_bytes {
            self.write_run()?;
        }
        Ok(())
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.buffer.sort();
        let mut out = BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(&self.folder)?);
        for pair in &self.buffer.pairs {
            out.write_all(&pair.key_bytes.to_le_bytes())?;
            out.write_all(&pair.value_bytes.to_le_bytes())?;
            out.write_all(self.buffer.key(pair))?;
            out.write_all(self.buffer.value(pair))?;
        }
        self.runs.push(Run(out.into_inner().map_err(|error| error.into_error())?));
        self.buffer.bytes.clear();
        self.buffer.pairs.clear();
        if self.runs.len().is_multiple_of(RUNS_PER_BUDGET) {
            self.budget_bytes = self.budget_bytes.saturating_mul(2);
        }
        Ok(())
    }

    /// Sorts the pairs by key. Pairs with equal keys keep the order of their pushes.
    ///
    /// # Errors
    /// Any error of writing the last run.
    pub fn finish(mut self) -> io::Result<Sorted> {
        if !self.runs.is_empty() && !self.buffer.pairs.is_empty() {
            self.write_run()?;
            self.buffer = Buffer::default();
        }
        self.buffer.sort();
        Ok(Sorted { buffer: self.buffer, runs: self.runs })
    }
}

/// Sorted pairs, which can be read more than once.
pub struct Sorted {
    buffer: Buffer,
    runs: Vec<Run>,
}

impl Sorted {
    /// Returns a reader that starts at the first pair.
    pub fn read(&self) -> SortedReader<'_> {
        SortedReader { buffer: &self.buffer, next: 0, runs: &self.runs, merge: None }
    }
}

/// Reads the pairs of a [`Sorted`] in the order of their keys.
pub struct SortedReader<'a> {
    buffer: &'a Buffer,
    next: usize,
    runs: &'a [Run],
    /// Set by the first call of [`SortedReader::next`].
    merge: Option<Merge<'a>>,
}

/// A merge of sorted runs.
struct Merge<'a> {
    heap: BinaryHeap<Reverse<RunReader<'a>>>,
    /// Whether the pair on top of the heap was returned already.
    is_top_returned: bool,
}

/// Reads one run, and holds its next pair. Ordered by the pair's key, then by the run's number.
struct RunReader<'a> {
    key: Vec<u8>,
    value: Vec<u8>,
    number: usize,
    file: BufReader<FileCursor<'a>>,
}

impl RunReader<'_> {
    /// Reads the next pair. Returns false at the end of the run.
    fn advance(&mut self) -> io::Result<bool> {
        let mut length = [0; 4];
        match self.file.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        let key = u32::from_le_bytes(length) as usize;
        self.file.read_exact(&mut length)?;
        let value = u32::from_le_bytes(length) as usize;
        self.key.resize(key, 0);
        self.file.read_exact(&mut self.key)?;
        self.value.resize(value, 0);
        self.file.read_exact(&mut self.value)?;
        Ok(true)
    }
}

impl PartialEq for RunReader<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for RunReader<'_> {}

impl PartialOrd for RunReader<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RunReader<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key).then(self.number.cmp(&other.number))
    }
}

/// Reads a shared file from an offset of its own.
struct FileCursor<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for FileCursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

impl SortedReader<'_> {
    /// Returns the next key and value, or `None` at the end.
    ///
    /// # Errors
    /// Any error of reading a run.
    #[expect(clippy::should_implement_trait, reason = "the pair is borrowed from the reader")]
    pub fn next(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        if self.runs.is_empty() {
            let pair = self.buffer.pairs.get(self.next);
            self.next += 1;
            return Ok(pair.map(|pair| (self.buffer.key(pair), self.buffer.value(pair))));
        }
        let merge = match &mut self.merge {
            Some(merge) => merge,
            none => none.insert(Merge::begin(self.runs)?),
        };
        merge.next()
    }
}

impl<'a> Merge<'a> {
    fn begin(runs: &'a [Run]) -> io::Result<Self> {
        let mut heap = BinaryHeap::with_capacity(runs.len());
        for (number, Run(file)) in runs.iter().enumerate() {
            let file = BufReader::with_capacity(READ_BUFFER_BYTES, FileCursor { file, offset: 0 });
            let mut run = RunReader { key: Vec::new(), value: Vec::new(), number, file };
            if run.advance()? {
                heap.push(Reverse(run));
            }
        }
        Ok(Self { heap, is_top_returned: false })
    }

    fn next(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        // The caller borrowed the pair on top until now, so its run could not advance before.
        if std::mem::replace(&mut self.is_top_returned, true)
            && let Some(mut first) = self.heap.peek_mut()
            && !first.0.advance()?
        {
            PeekMut::pop(first);
        }
        Ok(self.heap.peek().map(|Reverse(run)| (&run.key[..], &run.value[..])))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_thousand_times_the_budget_needs_few_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), 256);
        let records = 100_000u32;
        for number in 0..records {
            sorter.push(&(number * 7919 % records).to_be_bytes(), &[7; 20]).unwrap();
        }
        assert!(sorter.runs.len() < 8 * RUNS_PER_BUDGET, "{} runs", sorter.runs.len());
        let sorted = sorter.finish().unwrap();
        let mut reader = sorted.read();
        for number in 0..records {
            let (key, _) = reader.next().unwrap().unwrap();
            assert_eq!(key, number.to_be_bytes());
        }
    }

    proptest! {
        /// With any budget, and in each reading, the result equals a stable sort.
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
