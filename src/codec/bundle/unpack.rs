//! Unpacks the data of one entry.

use std::{
    io::{self, BufReader, Read},
    sync::Arc,
};

use flate2::bufread::DeflateDecoder;

use super::{
    BundleError, EntryProblem,
    directory::{Encryption, Entry},
    source::{ByteSource, Window},
};
use crate::codec::zip::format::{METHOD_DEFLATED, METHOD_STORED};

/// The number of bytes of one read from the source.
const BUFFER_BYTES: usize = 64 << 10;

/// The compression method of an entry's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

impl Method {
    /// Returns the method of an entry.
    ///
    /// # Errors
    /// [`EntryProblem::Encrypted`] or [`EntryProblem::Method`] if it cannot be unpacked.
    pub(super) fn of(entry: &Entry) -> Result<Self, BundleError> {
        match (entry.encryption, entry.method) {
            (Encryption::Encrypted, _) => Err(entry.refused(EntryProblem::Encrypted)),
            (Encryption::Plain, METHOD_STORED) => Ok(Method::Stored),
            (Encryption::Plain, METHOD_DEFLATED) => Ok(Method::Deflated),
            (Encryption::Plain, method) => Err(entry.refused(EntryProblem::Method { method })),
        }
    }
}

/// The unpacked data of an entry, not checked: see [`DocumentReader`](super::DocumentReader).
pub(super) enum Unpack<S: ByteSource> {
    Stored(Window<S>),
    Deflated(DeflateDecoder<BufReader<Window<S>>>),
}

/// The packed data after the end of the unpacked data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    /// All packed data was read.
    Nothing,
    /// Packed data was not read.
    Unread,
}

impl<S: ByteSource> Unpack<S> {
    pub(super) fn new(source: &Arc<S>, entry: &Entry, method: Method) -> Self {
        let window = entry.window(source);
        match method {
            Method::Stored => Self::Stored(window),
            Method::Deflated => {
                Self::Deflated(DeflateDecoder::new(BufReader::with_capacity(BUFFER_BYTES, window)))
            }
        }
    }

    /// Returns the packed data that is left. Another reader could find other content in it.
    pub(super) fn leftover(&self) -> Leftover {
        let rest = match self {
            Self::Stored(window) => window.remaining(),
            Self::Deflated(decoder) => {
                let buffered = decoder.get_ref();
                buffered.get_ref().remaining().saturating_add(buffered.buffer().len() as u64)
            }
        };
        if rest == 0 { Leftover::Nothing } else { Leftover::Unread }
    }
}

impl<S: ByteSource> Read for Unpack<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(window) => window.read(buffer),
            Self::Deflated(decoder) => decoder.read(buffer),
        }
    }
}
