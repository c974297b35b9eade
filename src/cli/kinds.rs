//! `--types`: the types of record that a command works on.

use clap::Args;

use crate::model::Kind;

/// The option `--types`.
#[derive(Args, Clone, Debug)]
pub(super) struct KindsArgs {
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',', value_parser = kind, help = help())]
    types: Vec<Kind>,
}

/// The help text. Its list of types follows from [`Kind::ALL`].
fn help() -> String {
    let types = Kind::ALL.map(Kind::as_str).join(", ");
    format!("Only these types: {types} [default: all]")
}

fn kind(word: &str) -> Result<Kind, String> {
    word.trim().parse().map_err(|error: crate::model::UnknownKind| error.to_string())
}

impl KindsArgs {
    /// Returns whether the option was given.
    pub(super) fn is_given(&self) -> bool {
        !self.types.is_empty()
    }

    /// Returns the names of the selected types, or of all types without the option.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let is_selected = |kind: &Kind| self.types.is_empty() || self.types.contains(kind);
        Kind::ALL.iter().filter(|kind| is_selected(kind)).map(|kind| kind.as_str()).collect()
    }
}
