//! Converts errors and panics of `rust_xlsxwriter` to our errors.
//!
//! The crate calls `expect` on every write to its temporary files. The text of such a panic ends
//! with the `Debug` form of the I/O error, which holds the number of the operating system's error.

use std::io::{self, Write};
use std::thread;

use rust_xlsxwriter::XlsxError;

use super::super::error::WriteError;
use super::super::sink::OutputFile;
use crate::panics;

/// The beginning of the `Debug` form of an error of the operating system, before its number.
const OS_ERROR_BEGIN: &str = "Os { code: ";

/// Runs a call of the crate.
///
/// # Errors
/// [`WriteError::Scratch`] if the crate panics or returns an I/O error, [`WriteError::Library`] for
/// its other errors.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, WriteError> {
    match panics::contain(work) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(XlsxError::IoError(error) | XlsxError::TempFileError(_, error))) => {
            Err(WriteError::Scratch(error))
        }
        Ok(Err(XlsxError::ZipError(error))) => Err(WriteError::Scratch(error.into())),
        Ok(Err(error)) => Err(WriteError::Library { detail: error.to_string() }),
        Err(panic) => Err(WriteError::Scratch(error_of_panic(panic))),
    }
}

/// The I/O error that a panic reports.
fn error_of_panic(panic: String) -> io::Error {
    let os_error = || {
        let (_, rest) = panic.rsplit_once(OS_ERROR_BEGIN)?;
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        rest[..end].parse().ok().map(io::Error::from_raw_os_error)
    };
    match os_error() {
        Some(error) => error,
        None => io::Error::other(panic),
    }
}

/// A file that keeps its first error, and accepts everything after it without writing.
///
/// The zip writer of the crate tries to end the archive when it is dropped after an error or a
/// panic, and prints to standard error if that fails too.
pub(super) struct FirstError<'a> {
    out: &'a mut dyn OutputFile,
    error: Option<io::Error>,
}

impl<'a> FirstError<'a> {
    pub(super) fn new(out: &'a mut dyn OutputFile) -> Self {
        Self { out, error: None }
    }

    /// The first error.
    pub(super) fn into_error(self) -> Option<io::Error> {
        self.error
    }

    /// Does `work` and keeps its error, unless there was an earlier error or a panic is in
    /// progress.
    fn unless_failed<T>(
        &mut self,
        after_failure: T,
        work: impl FnOnce(&mut dyn OutputFile) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.error.is_some() || thread::panicking() {
            return Ok(after_failure);
        }
        work(self.out).map_err(|error| {
            let kind = error.kind();
            self.error = Some(error);
            kind.into()
        })
    }
}

impl Write for FirstError<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_failed(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_failed((), |out| out.flush())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, ErrorKind};

    use super::*;

    #[test]
    fn a_panic_about_a_failed_write_becomes_the_error_of_the_operating_system() {
        let full = io::Error::from_raw_os_error(28);
        for (panic, kind) in [
            (format!("Couldn't write to xml file: {full:?}"), ErrorKind::StorageFull),
            ("index out of bounds".to_owned(), ErrorKind::Other),
            (format!("{OS_ERROR_BEGIN}x"), ErrorKind::Other),
        ] {
            let failed = contained(|| -> Result<(), XlsxError> { panic!("{panic}") });
            let Err(WriteError::Scratch(error)) = failed else { panic!("{failed:?}") };
            assert_eq!(error.kind(), kind, "{panic}");
        }
    }

    #[test]
    fn after_an_error_or_in_a_panic_nothing_is_written_and_the_first_error_is_kept() {
        let mut file = Cursor::new(Vec::new());
        let mut out = FirstError::new(&mut file);
        out.write_all(b"ab").unwrap();
        let failed = out.unless_failed(0, |_| Err(ErrorKind::StorageFull.into()));
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::StorageFull);
        out.write_all(b"cd").unwrap();
        out.flush().unwrap();
        assert_eq!(out.into_error().unwrap().kind(), ErrorKind::StorageFull);
        assert_eq!(file.into_inner(), b"ab");
    }
}
