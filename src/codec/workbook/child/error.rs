//! Why a workbook is not read.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use super::super::limits::{OUTPUT_BYTES_MAX, OUTPUT_ROWS_MAX, READ_SHEETS_MAX, ROW_BYTES_MAX};
use crate::wording::counted;

/// Why a workbook is not read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The child could not be started or read. It says nothing about the workbook.
    #[error("the workbook can not be decoded")]
    Io(#[source] io::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Output(#[from] OutputLimit),
    #[error(
        "decoding the workbook takes more than {} MiB of memory; it is damaged, or made to do \
         harm, or far larger than an inventory (a .csv takes the least)",
        bytes_max >> 20
    )]
    Memory { bytes_max: u64 },
    #[error(
        "decoding the workbook takes more than {} of computing; it is damaged, or made to \
         do harm, or far larger than an inventory (a .csv takes the least)",
        counted(cpu_max.as_secs(), "second")
    )]
    Cpu { cpu_max: Duration },
    #[error(
        "decoding the workbook was given up after {} of waiting",
        counted(wait_max.as_secs(), "second")
    )]
    Wait { wait_max: Duration },
    #[error("the process that decoded the workbook ended early ({status})")]
    Died { status: ExitStatus },
    #[error("the process that decoded the workbook gave an answer that makes no sense")]
    Garbled,
}

impl DecodeError {
    /// Whether the workbook is at fault, and not the appliance: the difference between an answer
    /// of 422 and one of 500.
    pub fn is_of_workbook(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Output(_)
            | Self::Memory { .. }
            | Self::Cpu { .. }
            | Self::Wait { .. }
            | Self::Died { .. }
            | Self::Garbled => true,
            Self::Io(_) => false,
        }
    }

    /// A short word for scripts.
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
            Self::Died { .. } | Self::Garbled => "workbook-decoder",
        }
    }
}

/// What is wrong with the bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "this is no workbook: it is neither .xls, .xlsx, .xlsb nor .ods by its first bytes \
         (a table named .xls that is really HTML or text has to be saved as a workbook first)"
    )]
    Unknown,
    #[error("the workbook is protected by a password; save it without one")]
    Encrypted,
    /// In calamine's words.
    #[error("the workbook is damaged: {reason}")]
    Damaged { reason: String },
    #[error("line {line} is not UTF-8; save the table as \"CSV UTF-8\"")]
    NotUtf8 { line: u64 },
}

/// What a workbook has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputLimit {
    #[error("the workbook has more than {READ_SHEETS_MAX} sheets")]
    Sheets,
    #[error("the workbook has more than {OUTPUT_ROWS_MAX} rows that are not empty")]
    Rows,
    #[error("the cells of the workbook hold more than {} MiB", OUTPUT_BYTES_MAX >> 20)]
    Bytes,
    #[error("row {} of a sheet holds more than {} MiB", row + 1, ROW_BYTES_MAX >> 20)]
    RowBytes { row: u32 },
}
