//! The first row of a sheet: what its columns mean.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use super::report::Ignored;
use crate::{
    codec::workbook::{Cell, Row, column_name},
    import::{DocumentLocation, ImportError, Intake, Problem},
    model::{InverseRelations, Kind, Property, PropertyType, aliases, nearest, unaliased},
};

/// The heading of the column that says what is wrong in a workbook that is handed back. An import
/// ignores it, so that the mended workbook can be sent as it is.
pub(super) const PROBLEM_COLUMN: &str = "problem (Satchel)";

/// The longest name of a property, in bytes: as long as a record's name.
const HEADING_BYTES_MAX: usize = 255;

/// How many headings of a sheet are compared with the known ones: a comparison takes some ten
/// microseconds, and a sheet has up to 16,384 columns.
const HEADINGS_COMPARED_MAX: usize = 1_000;

/// The long texts of a device, which are no properties.
const LONG_TEXTS: [&str; 2] = ["configuration", "operational_data"];

/// What a heading means for a kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    Property(&'static Property),
    /// A property of the site's own, under this very name.
    Custom,
    Ignored(Ignored),
}

/// Whether a heading is that of the problems; those of the header stand behind it.
pub(super) fn is_problem_column(heading: &str) -> bool {
    let begins = heading.trim().get(..PROBLEM_COLUMN.len());
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(PROBLEM_COLUMN))
}

/// What a heading means; blanks around it are taken off already. The names that Satchel knows are
/// found whatever the case of their letters.
pub(super) fn meaning(kind: Kind, heading: &str) -> Meaning {
    let word = heading.to_lowercase();
    if is_problem_column(heading) {
        return Meaning::Ignored(Ignored::Problems);
    }
    match kind.property(unaliased(kind, &word)) {
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

/// The names of the properties of any kind that hold a secret.
static SECRETS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let properties = Kind::ALL.into_iter().flat_map(Kind::properties);
    let secret = properties.filter(|property| property.type_ == PropertyType::Secret);
    secret.map(|property| property.name).collect()
});

/// The words under which a kind's sheet has its properties, an alias in the place of its property.
fn words(kind: Kind) -> impl Iterator<Item = &'static str> {
    let shown = kind.properties().iter().filter(|property| property.type_ != PropertyType::Secret);
    shown.map(move |property| heading_of(kind, property.name))
}

/// The heading under which a property is written.
pub(super) fn heading_of(kind: Kind, property: &'static str) -> &'static str {
    let alias = aliases(kind).iter().find(|(_, aliased)| *aliased == property);
    alias.map_or(property, |(alias, _)| alias)
}

/// A column that has a heading.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// From 0.
    pub number: u32,
    pub heading: String,
    pub meaning: Meaning,
}

impl Column {
    /// `AB`.
    pub fn letters(&self) -> String {
        column_name(self.number)
    }

    /// The property that its cells say.
    pub fn property(&self) -> &str {
        match self.meaning {
            Meaning::Property(property) => property.name,
            Meaning::Custom | Meaning::Ignored(_) => &self.heading,
        }
    }
}

/// The columns of a sheet that have a heading.
#[derive(Debug)]
pub(super) struct Header {
    /// By number.
    columns: Vec<Column>,
    /// Whether rows can be read: there is a column for the name.
    pub has_name: bool,
}

impl Header {
    /// Reads a sheet's first row, and says in the log what is wrong with it.
    pub fn read(kind: Kind, intake: &Intake<'_>, row: &Row<'_>) -> Result<Self, ImportError> {
        let log = intake.log();
        let line = u64::from(row.row) + 1;
        let wrong = |number: u32, rule, detail: String| {
            let location = DocumentLocation {
                row: Some(line),
                cell: Some(format!("{kind}!{}{line}", column_name(number))),
                ..DocumentLocation::default()
            };
            log.unreadable(&Problem::of(log.document(kind), None, rule, detail), location)
        };
        let mut header = Self { columns: Vec::new(), has_name: false };
        let mut seen = HashMap::<String, u32>::new();
        for (number, cell) in &row.cells {
            let heading = match cell {
                Cell::Text(text) => text.trim().to_owned(),
                Cell::Number(_) | Cell::Bool(_) | Cell::Date(_) => cell.to_string(),
                Cell::Empty => continue,
                Cell::Error(_) | Cell::Duration(_) | Cell::Formula(_) => {
                    let detail = format!(
                        "the name of a property is expected in the header, and this is {cell}"
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
                    "the name of a property has at most {HEADING_BYTES_MAX} bytes; this one has {}",
                    heading.len()
                );
                wrong(*number, "header", detail)?;
                continue;
            }
            let word = match meaning {
                Meaning::Property(_) => heading.to_lowercase(),
                Meaning::Custom => heading.clone(),
                // Of these nothing is taken, however many there are.
                Meaning::Ignored(_) => String::new(),
            };
            if let Some(first) = seen.get(&word) {
                let detail = format!(
                    "the column {} is called '{heading}' as well: rename or remove one of them",
                    column_name(*first)
                );
                wrong(*number, "duplicate-column", detail)?;
                continue;
            }
            if !word.is_empty() {
                seen.insert(word, *number);
            }
            let column = Column { number: *number, heading, meaning };
            if let Meaning::Property(property) = meaning {
                header.has_name |= property.type_ == PropertyType::Name;
            }
            log.set_column(kind, column.property(), column.letters());
            header.columns.push(column);
        }
        if !header.has_name {
            let detail = format!(
                "the sheet '{kind}' has no column 'name', without which no row says which {kind} \
                 it is"
            );
            let problem = Problem::of(log.document(kind), Some("name"), "no-name-column", detail);
            log.unreadable(
                &problem,
                DocumentLocation { row: Some(line), ..DocumentLocation::default() },
            )?;
        }
        Ok(header)
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this number, where it has a heading.
    pub fn column(&self, number: u32) -> Option<&Column> {
        let at = self.columns.binary_search_by_key(&number, |column| column.number).ok()?;
        Some(&self.columns[at])
    }

    /// Columns whose values are properties.
    pub fn taken(&self) -> impl Iterator<Item = &Column> {
        let is_taken = |column: &&Column| match column.meaning {
            Meaning::Property(_) | Meaning::Custom => true,
            Meaning::Ignored(_) => false,
        };
        self.columns.iter().filter(is_taken)
    }

    /// The columns of the site's own properties, each with the known word that is near to it.
    pub fn custom(&self, kind: Kind) -> impl Iterator<Item = (&Column, Option<&'static str>)> {
        let custom = self.columns.iter().filter(|column| column.meaning == Meaning::Custom);
        custom.enumerate().map(move |(at, column)| {
            let compared = at < HEADINGS_COMPARED_MAX;
            (column, compared.then(|| nearest(&column.heading, words(kind))).flatten())
        })
    }

    /// The columns of which nothing is taken.
    pub fn ignored(&self) -> impl Iterator<Item = (&Column, Ignored)> {
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
    fn known_names_are_found_whatever_their_case() {
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
    fn secrets_and_what_is_worked_out_are_no_properties() {
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
