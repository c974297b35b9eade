//! One entry's data, unpacked.

use std::{
    io::{self, BufReader, Read},
    sync::Arc,
};

use flate2::bufread::DeflateDecoder;

use super::{
    BundleError, EntryProblem,
    directory::{Encryption, Entry},
    source::{ReadAt, Window},
};
use crate::codec::zip::format::{METHOD_DEFLATED, METHOD_STORED};

/// What is read from the source at once, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// How an entry's data is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

impl Method {
    /// How to unpack an entry.
    ///
    /// # Errors
    /// It is encrypted, or packed in a way that is not read.
    pub(super) fn of(entry: &Entry) -> Result<Self, BundleError> {
        match (entry.encryption, entry.method) {
            (Encryption::Some, _) => Err(entry.refused(EntryProblem::Encrypted)),
            (Encryption::None, METHOD_STORED) => Ok(Method::Stored),
            (Encryption::None, METHOD_DEFLATED) => Ok(Method::Deflated),
            (Encryption::None, method) => Err(entry.refused(EntryProblem::Method { method })),
        }
    }
}

/// The unpacked data of an entry. It is not checked: see [`DocumentReader`](super::DocumentReader).
#[derive(Debug)]
pub(super) enum Unpack<S> {
    Stored(Window<S>),
    Deflated(DeflateDecoder<BufReader<Window<S>>>),
}

/// Whether an entry's packed data was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    None,
    Some,
}

impl<S: ReadAt> Unpack<S> {
    pub(super) fn new(source: Arc<S>, entry: &Entry, method: Method) -> Self {
        let window = entry.window(source);
        match method {
            Method::Stored => Self::Stored(window),
            Method::Deflated => {
                Self::Deflated(DeflateDecoder::new(BufReader::with_capacity(BUFFER_BYTES, window)))
            }
        }
    }

    /// Whether data is left after the end, where another reader might find something else.
    pub(super) fn leftover(&self) -> Leftover {
        let rest = match self {
            Self::Stored(window) => window.rest(),
            Self::Deflated(decoder) => {
                let buffered = decoder.get_ref();
                buffered.get_ref().rest().saturating_add(buffered.buffer().len() as u64)
            }
        };
        if rest == 0 { Leftover::None } else { Leftover::Some }
    }
}

impl<S: ReadAt> Read for Unpack<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(window) => window.read(buffer),
            Self::Deflated(decoder) => decoder.read(buffer),
        }
    }
}
