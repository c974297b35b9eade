//! The reasons why a workbook cannot be read.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use super::super::refusal::{OutputLimit, Refusal};
use crate::wording::counted;

/// The reason why a workbook cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The child process cannot be started, or its output cannot be read. The workbook
    /// might be valid.
    #[error("cannot decode the workbook")]
    Io(#[source] io::Error),
    /// The file is not a workbook that can be read.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The content of the workbook exceeds a limit.
    #[error(transparent)]
    Output(#[from] OutputLimit),
    /// The child process was aborted, or killed by the kernel. The usual reason is the limit of its
    /// memory.
    #[error(
        "decoding the workbook takes more than {} MiB of memory. The workbook is damaged, malicious \
         or far larger than an inventory. Decoding a .csv takes the least memory",
        bytes_max >> 20
    )]
    Memory {
        /// The limit of its address space, in bytes.
        bytes_max: u64,
    },
    /// The kernel ended the child process at its limit of processor time.
    #[error(
        "decoding the workbook takes more than {} of processor time. The workbook is damaged, \
         malicious or far larger than an inventory. Decoding a .csv takes the least time",
        counted(cpu_max.as_secs(), "second")
    )]
    Cpu {
        /// The limit, in whole seconds.
        cpu_max: Duration,
    },
    /// The reader waited too long in total for rows of the child process.
    #[error(
        "decoding the workbook was aborted after {} of waiting",
        counted(wait_max.as_secs(), "second")
    )]
    Wait {
        /// The limit of the total time.
        wait_max: Duration,
    },
    /// The child process ended before its last row, without an error and within its limits.
    #[error("the process that decodes the workbook ended early ({status})")]
    Died {
        /// Its exit code or signal.
        status: ExitStatus,
    },
    /// The child process wrote frames that do not follow the format.
    #[error("the process that decodes the workbook returned invalid data")]
    InvalidOutput,
}

impl DecodeError {
    /// Returns whether the cause is the workbook (status 422) and not the server (status 500).
    pub fn is_of_workbook(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Output(_)
            | Self::Memory { .. }
            | Self::Cpu { .. }
            | Self::Wait { .. }
            | Self::Died { .. }
            | Self::InvalidOutput => true,
            Self::Io(_) => false,
        }
    }

    /// The code of the error in responses of the REST API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "io",
            Self::Refused(Refusal::Unknown | Refusal::Foreign(_)) => "workbook-unknown",
            Self::Refused(Refusal::Empty) => "workbook-empty",
            Self::Refused(Refusal::Encrypted) => "workbook-encrypted",
            Self::Refused(Refusal::Damaged { .. } | Refusal::CutOff) => "workbook-damaged",
            Self::Refused(Refusal::CodePage { .. }) => "workbook-code-page",
            Self::Refused(Refusal::NotUtf8 { .. }) => "table-not-utf8",
            Self::Refused(Refusal::OpenQuote { .. }) => "table-open-quote",
            Self::Output(_) => "workbook-large",
            Self::Memory { .. } => "workbook-memory",
            Self::Cpu { .. } | Self::Wait { .. } => "workbook-time",
            Self::Died { .. } | Self::InvalidOutput => "workbook-decoder",
        }
    }
}
