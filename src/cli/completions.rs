//! `satchel completions`: prints a shell completion script.

use std::process::ExitCode;

use clap::{Args, Command, ValueEnum};
use clap_complete::aot;

use super::output::print;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel completions bash > /usr/share/bash-completion/completions/satchel
  satchel completions zsh > /usr/local/share/zsh/site-functions/_satchel
  satchel completions fish > ~/.config/fish/completions/satchel.fish";

/// `satchel completions`
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell of the script
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the completion script.
pub(super) fn run(args: &CompletionsArgs, mut command: Command) -> anyhow::Result<ExitCode> {
    let shell = match args.shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
    };
    // Into memory first: clap_complete panics if standard output is a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "satchel", &mut script);
    print(&String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}
