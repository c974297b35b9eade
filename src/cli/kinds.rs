//! `--types`: which types of record a command is about.

use clap::Args;

use crate::model::Kind;

/// Which types of record a command is about.
#[derive(Args, Clone, Debug)]
pub struct KindsArgs {
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',', value_parser = kind, help = help())]
    types: Vec<Kind>,
}

fn help() -> String {
    format!("Only these types: {} [default: all]", Kind::ALL.map(Kind::as_str).join(", "))
}

fn kind(word: &str) -> Result<Kind, String> {
    word.trim().parse().map_err(|error: crate::model::UnknownKind| error.to_string())
}

impl KindsArgs {
    /// Whether types were named.
    pub(super) fn are_named(&self) -> bool {
        !self.types.is_empty()
    }

    /// The types as REST names them.
    pub(super) fn words(&self) -> Vec<&'static str> {
        let asked = |kind: &Kind| self.types.is_empty() || self.types.contains(kind);
        Kind::ALL.iter().filter(|kind| asked(kind)).map(|kind| kind.as_str()).collect()
    }
}
