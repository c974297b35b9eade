//! The header of a sheet: the meaning of its columns.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use super::report::Ignored;
use crate::{
    codec::workbook::{Cell, Row, column_name},
    import::{DocumentLocation, ImportError, Intake, Problem},
    model::{InverseRelations, Kind, Property, PropertyType, nearest},
};

/// The heading of the column of problems in a marked workbook. An import ignores the column, so that
/// the corrected workbook can be uploaded as it is.
pub(super) const PROBLEM_COLUMN: &str = "problem (Satchel)";

/// Number of headings that a message about a missing column lists.
pub(super) const HEADINGS_LISTED_MAX: usize = 10;

/// The longest name of a custom property, in bytes: the same as for names of records.
const HEADING_BYTES_MAX: usize = 255;

/// Number of unknown headings of a sheet that are compared with the known ones. A comparison takes
/// about 10 µs, and a sheet has up to 16,384 columns.
const HEADINGS_COMPARED_MAX: usize = 1_000;

/// The long texts of a device. They are stored apart from its properties.
const LONG_TEXTS: [&str; 2] = ["configuration", "operational_data"];

/// The meaning of a heading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    Property(&'static Property),
    /// A custom property of this name.
    Custom,
    Ignored(Ignored),
}

/// Whether a heading belongs to the column of problems. Problems of the header itself follow in the
/// same cell.
pub(super) fn is_problem_column(heading: &str) -> bool {
    let begins = heading.trim().get(..PROBLEM_COLUMN.len());
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(PROBLEM_COLUMN))
}

/// Returns the meaning of a heading, which must have no blanks around it. Known names are found in
/// upper or lower case.
pub(super) fn meaning(kind: Kind, heading: &str) -> Meaning {
    let word = heading.to_lowercase();
    if is_problem_column(heading) {
        return Meaning::Ignored(Ignored::Problems);
    }
    match kind.property(kind.unaliased(&word)) {
        Some(property) if property.type_ != PropertyType::Secret => {
            return Meaning::Property(property);
        }
        Some(_) => return Meaning::Ignored(Ignored::Secret),
        None => {}
    }
    if SECRETS.contains(word.replace([' ', '-'], "_").as_str()) {
        Meaning::Ignored(Ignored::Secret)
    } else if kind == Kind::Device && LONG_TEXTS.contains(&word.as_str()) {
        Meaning::Ignored(Ignored::LongText)
    } else if word == "id" || InverseRelations::of(kind).relation(&word).is_some() {
        Meaning::Ignored(Ignored::Computed)
    } else {
        Meaning::Custom
    }
}

/// Whether a name is short enough for a heading.
pub(super) fn fits(heading: &str) -> bool {
    heading.len() <= HEADING_BYTES_MAX
}

/// The names of all secret properties, of every kind.
static SECRETS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let properties = Kind::ALL.into_iter().flat_map(Kind::properties);
    let secret = properties.filter(|property| property.type_ == PropertyType::Secret);
    secret.map(|property| property.name).collect()
});

/// The headings of the known properties of a kind.
fn words(kind: Kind) -> impl Iterator<Item = &'static str> {
    let shown = kind.properties().iter().filter(|property| property.type_ != PropertyType::Secret);
    shown.map(move |property| heading_of(kind, property.name))
}

/// Returns the heading of a property: its alias if it has one.
pub(super) fn heading_of(kind: Kind, property: &'static str) -> &'static str {
    let alias = kind.aliases().iter().find(|(_, aliased)| *aliased == property);
    alias.map_or(property, |(alias, _)| alias)
}

/// A column with a heading.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Number of the column, from 0.
    pub number: u32,
    pub heading: String,
    pub meaning: Meaning,
}

impl Column {
    /// Letters of the column: `AB`.
    pub(super) fn letters(&self) -> String {
        column_name(self.number)
    }

    /// Name of the property of the column.
    pub(super) fn property(&self) -> &str {
        match self.meaning {
            Meaning::Property(property) => property.name,
            Meaning::Custom | Meaning::Ignored(_) => &self.heading,
        }
    }
}

/// The columns of a sheet that have a heading.
#[derive(Debug)]
pub(super) struct Header {
    /// In ascending order of their numbers.
    columns: Vec<Column>,
    /// The row of the headings, from 1.
    pub line: u64,
}

/// Whether a heading belongs to a property, or to a column that an import knows and ignores.
pub(super) fn is_known(kind: Kind, heading: &str) -> bool {
    match meaning(kind, heading) {
        Meaning::Property(_) | Meaning::Ignored(_) => true,
        Meaning::Custom => false,
    }
}

impl Header {
    /// Whether a row has a heading of a column of names.
    pub(super) fn has_name(kind: Kind, row: &Row<'_>) -> bool {
        row.cells.iter().any(|(_, cell)| match cell {
            Cell::Text(text) => match meaning(kind, text.trim()) {
                Meaning::Property(property) => property.type_ == PropertyType::Name,
                Meaning::Custom | Meaning::Ignored(_) => false,
            },
            _ => false,
        })
    }

    /// Reads the header of a sheet. Its problems go to the log of the import.
    ///
    /// # Errors
    /// [`ImportError`] if the log cannot be written.
    pub(super) fn read(
        kind: Kind,
        intake: &Intake<'_>,
        row: &Row<'_>,
    ) -> Result<Self, ImportError> {
        let log = intake.log();
        let line = u64::from(row.row) + 1;
        let wrong = |number: u32, rule, detail: String| {
            let location = DocumentLocation {
                row: Some(line),
                cell: Some(log.cell(kind, &column_name(number), line)),
                ..DocumentLocation::default()
            };
            log.unreadable(&Problem::of(log.document(kind), None, rule, detail), location)
        };
        let mut header = Self { columns: Vec::new(), line };
        let mut seen = HashMap::<String, u32>::new();
        for (number, cell) in &row.cells {
            let heading = match cell {
                Cell::Text(text) => text.trim().to_owned(),
                Cell::Number(_) | Cell::Bool(_) | Cell::Date(_) => cell.to_string(),
                Cell::Empty => continue,
                Cell::Error(_) | Cell::Duration(_) | Cell::Formula(_) => {
                    let detail = format!(
                        "'{cell}' is not a property name. Row {line} is the header of the sheet"
                    );
                    wrong(*number, "header", detail)?;
                    continue;
                }
            };
            if heading.is_empty() {
                continue;
            }
            let meaning = meaning(kind, &heading);
            if meaning == Meaning::Custom && !fits(&heading) {
                let detail = format!(
                    "the property name has {} bytes. The maximum is {HEADING_BYTES_MAX}",
                    heading.len()
                );
                wrong(*number, "header", detail)?;
                continue;
            }
            let word = match meaning {
                Meaning::Property(_) => heading.to_lowercase(),
                Meaning::Custom => heading.clone(),
                // Ignored columns can have the same heading.
                Meaning::Ignored(_) => String::new(),
            };
            if let Some(first) = seen.get(&word) {
                let detail = format!(
                    "column {} has the heading '{heading}' as well. Rename or remove one of them",
                    column_name(*first)
                );
                wrong(*number, "duplicate-column", detail)?;
                continue;
            }
            if !word.is_empty() {
                seen.insert(word, *number);
            }
            let column = Column { number: *number, heading, meaning };
            log.set_column(kind, column.property(), column.letters());
            header.columns.push(column);
        }
        Ok(header)
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the column with this number if it has a heading.
    pub(super) fn column(&self, number: u32) -> Option<&Column> {
        let at = self.columns.binary_search_by_key(&number, |column| column.number).ok()?;
        Some(&self.columns[at])
    }

    /// Columns that hold a property.
    pub(super) fn properties(&self) -> impl Iterator<Item = &Column> {
        let is_property = |column: &&Column| match column.meaning {
            Meaning::Property(_) | Meaning::Custom => true,
            Meaning::Ignored(_) => false,
        };
        self.columns.iter().filter(is_property)
    }

    /// Columns of custom properties, each with a known heading that is similar.
    pub(super) fn custom(
        &self,
        kind: Kind,
    ) -> impl Iterator<Item = (&Column, Option<&'static str>)> {
        let custom = self.columns.iter().filter(|column| column.meaning == Meaning::Custom);
        custom.enumerate().map(move |(at, column)| {
            let compared = at < HEADINGS_COMPARED_MAX;
            (column, compared.then(|| nearest(&column.heading, words(kind))).flatten())
        })
    }

    /// Columns that an import ignores.
    pub(super) fn ignored(&self) -> impl Iterator<Item = (&Column, Ignored)> {
        self.columns.iter().filter_map(|column| match column.meaning {
            Meaning::Ignored(ignored) => Some((column, ignored)),
            Meaning::Property(_) | Meaning::Custom => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(heading: &str) -> Meaning {
        meaning(Kind::Device, heading)
    }

    #[test]
    fn known_headings_are_found_in_upper_or_lower_case() {
        for (heading, name) in [("name", "name"), ("IP_Address", "ip_address"), ("PORT", "port")] {
            let Meaning::Property(property) = device(heading) else { panic!("{heading}") };
            assert_eq!(property.name, name);
        }
        for heading in ["source", "Source_Name"] {
            let Meaning::Property(property) = meaning(Kind::Link, heading) else {
                panic!("{heading}")
            };
            assert_eq!(property.name, "source");
        }
        assert_eq!(heading_of(Kind::Link, "destination"), "destination_name");
        assert_eq!(heading_of(Kind::Device, "name"), "name");
    }

    #[test]
    fn secrets_and_computed_properties_are_ignored() {
        for heading in
            ["password", "Enable Password", "enable-password", "PRIVATE_KEY", "netbox_token"]
        {
            assert_eq!(device(heading), Meaning::Ignored(Ignored::Secret), "{heading}");
        }
        for heading in ["id", "pools", "Links", "tasks"] {
            assert_eq!(device(heading), Meaning::Ignored(Ignored::Computed), "{heading}");
        }
        assert_eq!(device("configuration"), Meaning::Ignored(Ignored::LongText));
        assert_eq!(device("Problem (satchel)"), Meaning::Ignored(Ignored::Problems));
        for heading in ["username", "problem", "ip_adress", "source_name", "é>b", "Port 2"] {
            assert_eq!(device(heading), Meaning::Custom, "{heading}");
        }
        assert_eq!(meaning(Kind::Link, "configuration"), Meaning::Custom);
    }
}
