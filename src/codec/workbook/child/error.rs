//! Why a workbook is not read.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use super::super::refusal::{OutputLimit, Refusal};
use crate::wording::counted;

/// Why a workbook is not read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The child process cannot be started, or its output cannot be read. The workbook may be good.
    #[error("cannot decode the workbook")]
    Io(#[source] io::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Output(#[from] OutputLimit),
    #[error(
        "decoding the workbook takes more than {} MiB of memory. The workbook is damaged, malicious \
         or far larger than an inventory. Decoding a .csv takes the least memory",
        bytes_max >> 20
    )]
    Memory { bytes_max: u64 },
    #[error(
        "decoding the workbook takes more than {} of processor time. The workbook is damaged, \
         malicious or far larger than an inventory. Decoding a .csv takes the least time",
        counted(cpu_max.as_secs(), "second")
    )]
    Cpu { cpu_max: Duration },
    #[error(
        "decoding the workbook was aborted after {} of waiting",
        counted(wait_max.as_secs(), "second")
    )]
    Wait { wait_max: Duration },
    #[error("the process that decodes the workbook ended early ({status})")]
    Died { status: ExitStatus },
    #[error("the process that decodes the workbook returned invalid data")]
    InvalidOutput,
}

impl DecodeError {
    /// Whether the cause is the workbook (status 422) and not the server (status 500).
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

    /// The code of the error in answers of the REST API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "io",
            Self::Refused(Refusal::Unknown) => "workbook-unknown",
            Self::Refused(Refusal::Encrypted) => "workbook-encrypted",
            Self::Refused(Refusal::Damaged { .. }) => "workbook-damaged",
            Self::Refused(Refusal::NotUtf8 { .. }) => "table-not-utf8",
            Self::Output(_) => "workbook-large",
            Self::Memory { .. } => "workbook-memory",
            Self::Cpu { .. } | Self::Wait { .. } => "workbook-time",
            Self::Died { .. } | Self::InvalidOutput => "workbook-decoder",
        }
    }
}
