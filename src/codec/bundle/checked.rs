//! A document as it is read: counted, and compared with its checksums.

use std::{
    fmt,
    io::{self, Read},
};

use flate2::Crc;
use sha2::{Digest as _, Sha256};

use super::{
    BundleError, Digest, EntryProblem,
    source::ReadAt,
    unpack::{Leftover, Unpack},
};

/// What a document must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
    /// Only metadata of our own says it.
    pub(super) sha256: Option<Digest>,
}

/// A document of a bundle, unpacked as it is read.
///
/// It never gives more bytes than the archive declares, and its last byte only after its length
/// and checksums were found right: who has read it to its end has read what was written. An error
/// of kind [`io::ErrorKind::InvalidData`] carries a [`BundleError`]
/// ([`BundleError::from_io`] takes it out).
pub struct DocumentReader<S> {
    entry: String,
    data: Unpack<S>,
    expected: Expected,
    read: u64,
    crc: Crc,
    sha256: Option<Sha256>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Reading,
    Whole,
    Refused(EntryProblem),
}

impl<S: ReadAt> DocumentReader<S> {
    pub(super) fn new(entry: String, data: Unpack<S>, expected: Expected) -> Self {
        Self {
            entry,
            data,
            read: 0,
            crc: Crc::new(),
            sha256: expected.sha256.map(|_| Sha256::new()),
            expected,
            state: State::Reading,
        }
    }

    /// Reads on, and says how far the checked bytes reach.
    fn advance(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        let expected = self.expected.bytes;
        let mut count = 0;
        if self.read < expected {
            count = self.unpack(buffer)?;
            if count == 0 {
                return Err(EntryProblem::Short { expected, found: self.read }.into());
            }
            self.read = self.read.saturating_add(count as u64);
            if self.read > expected {
                return Err(EntryProblem::Long { expected }.into());
            }
            self.crc.update(&buffer[..count]);
            if let Some(sha256) = &mut self.sha256 {
                sha256.update(&buffer[..count]);
            }
        }
        if self.read == expected {
            self.check_end()?;
            self.state = State::Whole;
        }
        Ok(count)
    }

    /// All the bytes were read: are they the right ones, and all of them?
    fn check_end(&mut self) -> Result<(), Stop> {
        if self.unpack(&mut [0])? > 0 {
            return Err(EntryProblem::Long { expected: self.expected.bytes }.into());
        }
        if self.data.leftover() == Leftover::Some {
            return Err(EntryProblem::Packing.into());
        }
        let (expected, found) = (self.expected.crc32, self.crc.sum());
        if expected != found {
            return Err(EntryProblem::Crc { expected, found }.into());
        }
        if let (Some(expected), Some(sha256)) = (self.expected.sha256, self.sha256.take()) {
            let found = Digest::from(<[u8; 32]>::from(sha256.finalize()));
            if expected != found {
                return Err(EntryProblem::Checksum { expected, found }.into());
            }
        }
        Ok(())
    }

    /// Unpacks some more, and tells data that is no packed data from a disk that can not be read.
    fn unpack(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        self.data.read(buffer).map_err(|error| match error.kind() {
            // What flate2 says of a damaged stream and of one that ends too early. Disks have
            // other words, and a file that was cut while it was read is no better.
            io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof => Stop::Refused(EntryProblem::Packing),
            _ => Stop::Io(error),
        })
    }
}

/// Why reading ends before the document does.
enum Stop {
    Refused(EntryProblem),
    Io(io::Error),
}

impl From<EntryProblem> for Stop {
    fn from(problem: EntryProblem) -> Self {
        Stop::Refused(problem)
    }
}

impl<S: ReadAt> Read for DocumentReader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let problem = match &self.state {
            State::Whole => return Ok(0),
            State::Reading if buffer.is_empty() => return Ok(0),
            State::Refused(problem) => problem.clone(),
            State::Reading => match self.advance(buffer) {
                Ok(count) => return Ok(count),
                Err(Stop::Io(error)) => return Err(error),
                Err(Stop::Refused(problem)) => problem,
            },
        };
        self.state = State::Refused(problem.clone());
        Err(BundleError::Entry { entry: self.entry.clone(), problem }.into())
    }
}

impl<S> fmt::Debug for DocumentReader<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DocumentReader")
            .field("entry", &self.entry)
            .field("read", &self.read)
            .field("expected", &self.expected)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
