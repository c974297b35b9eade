//! Exit codes of commands that fail.

use std::process::ExitCode;

use crate::{access::TokensError, store::StoreError};

/// The exit code of a command that refuses to work on a damaged inventory.
pub(super) const EXIT_DAMAGED: u8 = 3;

/// The exit code of a command with wrong arguments, as clap has it.
const EXIT_WRONG_ARGUMENTS: u8 = 2;

/// Arguments that do not fit each other or the input, which clap cannot know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongArguments(String);

/// Returns the error of arguments that do not fit each other or the input.
pub(super) fn wrong_arguments(message: impl Into<String>) -> anyhow::Error {
    WrongArguments(message.into()).into()
}

/// The exit code of a command that ended with this error: 3 for a damaged inventory or damaged tokens, 2 for wrong
/// arguments, 1 otherwise.
pub(super) fn of_error(error: &anyhow::Error) -> ExitCode {
    if error.is::<WrongArguments>() {
        return ExitCode::from(EXIT_WRONG_ARGUMENTS);
    }
    let is_damage = error.chain().any(|cause| {
        matches!(cause.downcast_ref::<StoreError>(), Some(StoreError::InventoryDamaged(_)))
            || matches!(cause.downcast_ref::<TokensError>(), Some(TokensError::Damaged { .. }))
    });
    if is_damage { ExitCode::from(EXIT_DAMAGED) } else { ExitCode::FAILURE }
}
