//! The options of `import` and `diff` for reading a workbook or table.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{
    exit_code::wrong_arguments,
    input::{CSV, Input},
    output::NewFile,
};
use crate::{
    codec::workbook::READ_ROWS_MAX,
    http::paths::percent_encode,
    topology::{MAPPING_BYTES_MAX, Mapping, MappingError},
    wording::chain,
};

/// The sheet to read, the type of its records, and the row of its header.
#[derive(Args, Clone, Debug)]
pub(super) struct ReadArgs {
    /// The type of the rows of a table (.csv), or of the sheet to read
    #[arg(long, value_name = "TYPE")]
    kind: Option<RowKind>,

    /// Read only this sheet of the workbook
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,

    /// The row of the headings, from 1, if it is not found among the first 20 rows
    #[arg(long, value_name = "ROW", value_parser = header_row)]
    header_row: Option<u32>,

    /// Headings and their properties ('Gerätename=name,Standort=location'), or a .toml or .json file
    /// of them. Can be repeated
    #[arg(long, value_name = "PAIRS|FILE", value_parser = mapping)]
    map: Vec<Mapping>,

    /// Headings of columns to ignore, separated by commas
    #[arg(long, value_name = "HEADINGS", value_parser = ignored)]
    ignore: Vec<Mapping>,
}

/// Parses the row of the headings.
fn header_row(text: &str) -> Result<u32, String> {
    let row = text.parse().ok().filter(|row| (1..=READ_ROWS_MAX).contains(row));
    row.ok_or_else(|| format!("expected the number of a row, from 1 to {READ_ROWS_MAX}"))
}

/// Parses a mapping, or reads it from a file. The error has its causes, because clap shows only its
/// text.
fn mapping(text: &str) -> Result<Mapping, String> {
    read_mapping(text).map_err(|error| format!("{error:#}"))
}

fn read_mapping(text: &str) -> anyhow::Result<Mapping> {
    let path = Path::new(text);
    let extension = path.extension().and_then(|extension| extension.to_str());
    let format = match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => MappingFormat::Json,
        Some("toml") => MappingFormat::Toml,
        Some(_) | None => return Ok(Mapping::parse(text)?),
    };
    let file = File::open(path).with_context(|| format!("Cannot open {text}"))?;
    let mut content = String::new();
    file.take(MAPPING_BYTES_MAX as u64 + 1)
        .read_to_string(&mut content)
        .with_context(|| format!("Cannot read {text}"))?;
    format.parse(&content).with_context(|| format!("{text} is not a mapping"))
}

/// Parses the headings of columns to ignore.
fn ignored(text: &str) -> Result<Mapping, String> {
    Mapping::EMPTY.with_ignored_text(text).map_err(|error| chain(&error))
}

/// The format of a file with a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MappingFormat {
    Json,
    Toml,
}

impl MappingFormat {
    fn parse(self, text: &str) -> anyhow::Result<Mapping> {
        if text.len() > MAPPING_BYTES_MAX {
            return Err(MappingError::Long.into());
        }
        let object = match self {
            Self::Json => serde_json::from_str(text)?,
            Self::Toml => toml::from_str(text)?,
        };
        Ok(Mapping::EMPTY.with_object(object)?)
    }

    fn write(self, mapping: &Value) -> anyhow::Result<String> {
        Ok(match self {
            Self::Json => serde_json::to_string_pretty(mapping)? + "\n",
            Self::Toml => toml::to_string(mapping)?,
        })
    }
}

/// A file to which a mapping is saved.
#[derive(Clone, Debug)]
pub(super) struct MappingFile {
    path: PathBuf,
    format: MappingFormat,
}

impl FromStr for MappingFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(text);
        let extension = path.extension().and_then(|extension| extension.to_str());
        let format = match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("json") => MappingFormat::Json,
            Some("toml") => MappingFormat::Toml,
            Some(_) | None => return Err("the name must end in .json or .toml".to_owned()),
        };
        Ok(Self { path, format })
    }
}

impl MappingFile {
    /// Writes the mapping of the command with the headings that the report proposes to the new file
    /// `to` at the path.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn save(
        &self,
        to: NewFile,
        args: &ReadArgs,
        proposed: &Map<String, Value>,
    ) -> anyhow::Result<()> {
        let mapping = args.mapping()?;
        let mut map: Map<String, Value> = mapping
            .renamed()
            .map(|(heading, property)| (heading.to_owned(), property.into()))
            .collect();
        for (heading, property) in proposed {
            map.entry(heading.as_str()).or_insert_with(|| property.clone());
        }
        let ignored: Vec<&str> = mapping.ignored().collect();
        let text = self.format.write(&json!({ "ignore": ignored, "map": map }))?;
        let mut out = to.file();
        out.write_all(text.as_bytes())
            .with_context(|| format!("Cannot write {}", self.path.display()))?;
        to.finish()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The type of the records in a table or sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RowKind {
    Device,
    Link,
}

impl RowKind {
    fn word(self) -> &'static str {
        match self {
            RowKind::Device => "device",
            RowKind::Link => "link",
        }
    }
}

impl ReadArgs {
    /// Refuses the options if the input is not a workbook or table.
    ///
    /// # Errors
    /// An error with the first of these options.
    pub(super) fn check(&self, input: &Input) -> anyhow::Result<()> {
        let flags = [
            ("--sheet", self.sheet.is_some()),
            ("--kind", self.kind.is_some()),
            ("--header-row", self.header_row.is_some()),
            ("--map", !self.map.is_empty()),
            ("--ignore", !self.ignore.is_empty()),
        ];
        let first = flags.into_iter().find(|(_, is_set)| *is_set);
        if let Input::Workbook { media_type: CSV, .. } = input
            && self.sheet.is_some()
        {
            return Err(wrong_arguments(
                "--sheet is for workbooks. A table (.csv) is a single sheet",
            ));
        }
        match (input, first) {
            (Input::Workbook { .. }, _) | (_, None) => Ok(()),
            (Input::Bundle(_) | Input::Folder(_) | Input::LibraryProject(_), Some((flag, _))) => {
                Err(wrong_arguments(format!("{flag} is for workbooks and tables (.csv)")))
            }
        }
    }

    /// The mapping of all options.
    ///
    /// # Errors
    /// The options contradict each other, or have too many headings together.
    fn mapping(&self) -> anyhow::Result<Mapping> {
        let mut all = Mapping::EMPTY;
        for mapping in self.map.iter().chain(&self.ignore) {
            all = all.with(mapping.clone())?;
        }
        Ok(all)
    }

    /// The options as parameters of a query, each after a `&`.
    ///
    /// # Errors
    /// The mappings contradict each other, or have too many headings together.
    pub(super) fn parameters(&self) -> anyhow::Result<String> {
        let mapping = self.mapping()?;
        let map: Map<String, Value> = mapping
            .renamed()
            .map(|(heading, property)| (heading.to_owned(), property.into()))
            .collect();
        let ignored: Vec<&str> = mapping.ignored().collect();
        let parameters = [
            ("map", (!map.is_empty()).then(|| Value::from(map).to_string())),
            ("ignore", (!ignored.is_empty()).then(|| json!(ignored).to_string())),
            ("sheet", self.sheet.clone()),
            ("kind", self.kind.map(|kind| kind.word().to_owned())),
            ("header_row", self.header_row.map(|row| row.to_string())),
        ];
        let sent = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Ok(sent.map(|(name, value)| format!("&{name}={}", percent_encode(&value))).collect())
    }
}
