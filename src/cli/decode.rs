//! `satchel decode-workbook`: not for people. The server starts it to decode a workbook.

use std::process::ExitCode;

use clap::Args;

use crate::codec::workbook;

/// What the server says to its child.
#[derive(Args, Debug)]
pub struct DecodeArguments {
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    arguments: Vec<String>,
}

/// Is the child until it ends.
pub fn run(arguments: &DecodeArguments) -> ExitCode {
    workbook::decode_main(&arguments.arguments)
}
