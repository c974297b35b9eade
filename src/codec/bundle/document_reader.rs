//! Reads a document and compares its length and checksums with the declared ones.

use std::{
    fmt,
    io::{self, Read},
};

use flate2::Crc;
use sha2::{Digest as _, Sha256};

use super::{
    BundleError, Digest, EntryProblem,
    source::ByteSource,
    unpack::{Leftover, Unpack},
};

/// The declared length and checksums of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
    /// `None` in a project that eNMS wrote.
    pub(super) sha256: Option<Digest>,
}

/// A document of a bundle, unpacked as it is read.
///
/// It never returns more bytes than the archive declares, and returns the last byte only after
/// length and checksums have been compared. So a reader that reached the end has read the written
/// document. (`rawzip`'s verifying reader checks neither for data after the end nor SHA-256.) An
/// error of kind [`io::ErrorKind::InvalidData`] carries a [`BundleError`], which
/// [`BundleError::from_io`] returns.
pub struct DocumentReader<S: ByteSource> {
    entry: String,
    data: Unpack<S>,
    expected: Expected,
    read: u64,
    crc: Crc,
    sha256: Option<Sha256>,
    state: ReadState,
}

#[derive(Clone, Debug)]
enum ReadState {
    Reading,
    Verified,
    Refused(EntryProblem),
}

impl<S: ByteSource> DocumentReader<S> {
    pub(super) fn new(entry: String, data: Unpack<S>, expected: Expected) -> Self {
        Self {
            entry,
            data,
            read: 0,
            crc: Crc::new(),
            sha256: expected.sha256.map(|_| Sha256::new()),
            expected,
            state: ReadState::Reading,
        }
    }

    /// Fills a part of the buffer and returns its length.
    fn advance(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        let expected = self.expected.bytes;
        let mut count = 0;
        if self.read < expected {
            count = self.unpack(buffer)?;
            if count == 0 {
                return Err(EntryProblem::ShorterThanDeclared { expected, found: self.read }.into());
            }
            self.read = self.read.saturating_add(count as u64);
            if self.read > expected {
                return Err(EntryProblem::LongerThanDeclared { expected }.into());
            }
            self.crc.update(&buffer[..count]);
            if let Some(sha256) = &mut self.sha256 {
                sha256.update(&buffer[..count]);
            }
        }
        if self.read == expected {
            self.check_end()?;
            self.state = ReadState::Verified;
        }
        Ok(count)
    }

    /// Checks at the declared end that no data follows, and compares the checksums.
    fn check_end(&mut self) -> Result<(), Stop> {
        if self.unpack(&mut [0])? > 0 {
            return Err(EntryProblem::LongerThanDeclared { expected: self.expected.bytes }.into());
        }
        if self.data.leftover() == Leftover::Unread {
            return Err(EntryProblem::CompressedData.into());
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

    /// Unpacks some bytes. Distinguishes damaged data from an I/O error.
    fn unpack(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        self.data.read(buffer).map_err(|error| match error.kind() {
            // The kinds that flate2 uses for a damaged and for a truncated stream. Disks fail with
            // other kinds. A file that is truncated while it is read counts as damaged.
            io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof => Stop::Refused(EntryProblem::CompressedData),
            _ => Stop::Io(error),
        })
    }
}

/// The reason why reading stops before the end of the document.
enum Stop {
    Refused(EntryProblem),
    Io(io::Error),
}

impl From<EntryProblem> for Stop {
    fn from(problem: EntryProblem) -> Self {
        Stop::Refused(problem)
    }
}

impl<S: ByteSource> Read for DocumentReader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let problem = match &self.state {
            ReadState::Verified => return Ok(0),
            ReadState::Reading if buffer.is_empty() => return Ok(0),
            ReadState::Refused(problem) => problem.clone(),
            ReadState::Reading => match self.advance(buffer) {
                Ok(count) => return Ok(count),
                Err(Stop::Io(error)) => return Err(error),
                Err(Stop::Refused(problem)) => problem,
            },
        };
        self.state = ReadState::Refused(problem.clone());
        Err(BundleError::Entry { entry: self.entry.clone(), problem }.into())
    }
}

impl<S: ByteSource> fmt::Debug for DocumentReader<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DocumentReader")
            .field("entry", &self.entry)
            .field("read", &self.read)
            .field("expected", &self.expected)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
