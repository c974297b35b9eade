//! Exit codes of commands that fail.

use std::process::ExitCode;

use crate::store::StoreError;

/// The exit code of a command that refuses to work on a damaged inventory.
pub(super) const EXIT_DAMAGED: u8 = 3;

/// The exit code of a command that ended with this error: 3 for a damaged inventory, 1 otherwise.
pub(super) fn of_error(error: &anyhow::Error) -> ExitCode {
    let damaged = error.chain().any(|cause| {
        matches!(cause.downcast_ref::<StoreError>(), Some(StoreError::InventoryDamaged(_)))
    });
    if damaged { ExitCode::from(EXIT_DAMAGED) } else { ExitCode::FAILURE }
}
