//! The header of a sheet: the meaning of its columns.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use super::{
    ProposedMapping,
    existing_properties::have_custom,
    mapping::{Mapped, Mapping},
    report::Ignored,
    words,
};
use crate::{
    codec::workbook::{Cell, Row, column_name},
    import::{DocumentLocation, ImportError, Intake, Problem},
    model::{InverseRelations, Kind, Property, PropertyType, indicates_secret, nearest},
    store::LiveView,
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

/// Returns whether a heading belongs to the column of problems. Problems of the header itself
/// follow in the same cell.
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
    if SECRETS.contains(word.replace([' ', '-'], "_").as_str()) || indicates_secret(heading) {
        Meaning::Ignored(Ignored::Secret)
    } else if kind == Kind::Device && LONG_TEXTS.contains(&word.as_str()) {
        Meaning::Ignored(Ignored::LongText)
    } else if word == "id" || InverseRelations::of(kind).relation(&word).is_some() {
        Meaning::Ignored(Ignored::Computed)
    } else {
        Meaning::Custom
    }
}

/// Returns whether a column can have a custom property, so that an export writes it and an import reads
/// it back. The others are secrets, long texts, and names that are read as another property.
pub(super) fn is_carried(kind: Kind, property: &str) -> bool {
    let is_whole = property.trim() == property && !property.is_empty() && fits(property);
    is_whole && meaning(kind, property) == Meaning::Custom
}

/// Returns whether a name is short enough for a heading.
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
    /// The property in the mapping of the request.
    pub mapped: Option<String>,
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
            Meaning::Custom => self.mapped.as_ref().unwrap_or(&self.heading),
            Meaning::Ignored(_) => &self.heading,
        }
    }
}

/// The columns of a sheet that have a heading.
#[derive(Debug)]
pub(super) struct Header {
    /// In ascending order of their numbers.
    columns: Vec<Column>,
    /// The headings of columns that have a problem, by the number of the column.
    rejected: BTreeMap<u32, String>,
    /// The row of the headings, from 1.
    pub line: u64,
}

/// The options to read the headings of a sheet.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadingReader<'m> {
    pub kind: Kind,
    pub mapping: &'m Mapping,
}

/// A heading and its meaning.
#[derive(Clone, Debug, PartialEq)]
struct Heading {
    meaning: Meaning,
    /// The property in the mapping.
    mapped: Option<String>,
}

impl HeadingReader<'_> {
    /// Returns the meaning of a heading, which must have no blanks around it.
    ///
    /// # Errors
    /// The reason why the property in the mapping cannot be read from a column.
    fn read(self, heading: &str) -> Result<Heading, &'static str> {
        let property = match self.mapping.of(heading) {
            Mapped::No => {
                return Ok(Heading { meaning: meaning(self.kind, heading), mapped: None });
            }
            Mapped::Ignored => {
                let meaning = Meaning::Ignored(Ignored::Request);
                return Ok(Heading { meaning, mapped: None });
            }
            Mapped::Property(property) => property,
        };
        let meaning = match meaning(self.kind, property) {
            // The request names the column, so its values are read. They are no secrets of the model:
            // devices and links have none.
            Meaning::Ignored(Ignored::Secret) if self.kind.property(property).is_none() => {
                Meaning::Custom
            }
            Meaning::Ignored(reason) => return Err(reason.why()),
            other => other,
        };
        Ok(Heading { meaning, mapped: Some(property.to_owned()) })
    }

    /// Returns the property that a heading has, means in another language, or gets from the mapping.
    /// `None` if the heading is not known.
    pub(super) fn known(self, heading: &str) -> Option<String> {
        match self.read(heading) {
            Ok(Heading { meaning: Meaning::Property(property), .. }) => {
                Some(property.name.to_owned())
            }
            Ok(Heading { meaning: Meaning::Custom, mapped: None }) => {
                let property = words::property_of(self.kind, heading)?;
                Some(self.kind.unaliased(property).to_owned())
            }
            Ok(Heading { meaning: Meaning::Custom, mapped }) => mapped,
            Ok(Heading { meaning: Meaning::Ignored(_), .. }) | Err(_) => {
                Some(heading.to_lowercase())
            }
        }
    }

    /// Returns whether a heading is the name of a property, or gets a property from the mapping.
    pub(super) fn is_property(self, heading: &str) -> bool {
        let meaning = self.read(heading).map(|heading| heading.meaning);
        matches!(meaning, Ok(Meaning::Property(_)))
    }

    /// Returns whether a heading means "name" in another language.
    pub(super) fn is_word_for_name(self, heading: &str) -> bool {
        words::property_of(self.kind, heading) == Some("name")
    }

    /// Returns whether a row is a header: it has a column of names. If the mapping contains the
    /// heading of the names, another heading of names needs a second known heading in the row,
    /// because "Name:" can also be the label of a contact.
    pub(super) fn is_header(self, row: &Row<'_>) -> bool {
        let headings: Vec<_> = row
            .cells
            .iter()
            .filter_map(|(_, cell)| match cell {
                Cell::Text(text) => self.read(text.trim()).ok(),
                _ => None,
            })
            .collect();
        let names_is_mapped =
            self.mapping.renamed().any(|(_, property)| is_name(meaning(self.kind, property)));
        let is_property = |heading: &&Heading| matches!(heading.meaning, Meaning::Property(_));
        headings.iter().any(|heading| {
            is_name(heading.meaning)
                && (!names_is_mapped
                    || heading.mapped.is_some()
                    || headings.iter().filter(is_property).count() > 1)
        })
    }

    /// Proposes properties for headings that have none. `taken` are the properties that have a
    /// column.
    pub(super) fn propose<'h>(
        self,
        headings: impl Iterator<Item = &'h str>,
        taken: impl Iterator<Item = String>,
    ) -> ProposedMapping {
        let mut taken: BTreeSet<String> = taken.collect();
        let mut proposed = ProposedMapping::default();
        for heading in headings.take(HEADINGS_COMPARED_MAX) {
            if self.read(heading).is_ok_and(|read| read.meaning != Meaning::Custom) {
                continue;
            }
            let word = words::property_of(self.kind, heading);
            let property = word.or_else(|| nearest(heading, words(self.kind)));
            if let Some(property) = property
                && taken.insert(self.kind.unaliased(property).to_owned())
            {
                proposed.0.push((heading.to_owned(), property.to_owned()));
            }
        }
        proposed
    }
}

fn is_name(meaning: Meaning) -> bool {
    match meaning {
        Meaning::Property(property) => property.type_ == PropertyType::Name,
        Meaning::Custom | Meaning::Ignored(_) => false,
    }
}

impl Header {
    /// Reads the header of a sheet. Its problems go to the log of the import.
    ///
    /// # Errors
    /// [`ImportError`] if the log cannot be written or the inventory cannot be read.
    pub(super) fn read(
        reader: HeadingReader<'_>,
        intake: &Intake<'_>,
        existing: &LiveView,
        row: &Row<'_>,
    ) -> Result<Self, ImportError> {
        let log = intake.log();
        let kind = reader.kind;
        let line = u64::from(row.row) + 1;
        let wrong = |number: u32, rule, detail: String| {
            let location = DocumentLocation {
                row: Some(line),
                cell: Some(log.cell(kind, &column_name(number), line)),
                ..DocumentLocation::default()
            };
            log.unreadable(&Problem::of(log.document(kind), None, rule, detail), location)
        };
        let mut header = Self { columns: Vec::new(), rejected: BTreeMap::new(), line };
        // By the property in lower case.
        let mut seen = HashMap::<String, Column>::new();
        for (number, cell) in &row.cells {
            let heading = match cell {
                Cell::Text(text) => text.trim().to_owned(),
                Cell::Number(_) | Cell::Bool(_) | Cell::Date(_) => cell.to_string(),
                Cell::Empty => continue,
                Cell::Error(_) | Cell::Duration(_) | Cell::Formula(_) => {
                    let detail = format!(
                        "'{cell}' is not a property name. Row {line} is the header of the sheet"
                    );
                    header.rejected.insert(*number, cell.to_string());
                    wrong(*number, "header", detail)?;
                    continue;
                }
            };
            if heading.is_empty() {
                continue;
            }
            header.rejected.insert(*number, heading.clone());
            let Heading { meaning, mapped } = match reader.read(&heading) {
                Ok(read) => read,
                Err(reason) => {
                    let detail = format!(
                        "the mapping gives '{heading}' a property that a column cannot have: {reason}"
                    );
                    wrong(*number, "mapping", detail)?;
                    continue;
                }
            };
            let column = Column { number: *number, heading, mapped, meaning };
            if meaning == Meaning::Custom && !fits(column.property()) {
                let detail = format!(
                    "the property name has {} bytes. The maximum is {HEADING_BYTES_MAX}",
                    column.property().len()
                );
                wrong(*number, "header", detail)?;
                continue;
            }
            let word = match meaning {
                // Both columns of an end of a link are read: `source` and `source_name`.
                Meaning::Property(_) if column.mapped.is_none() => column.heading.to_lowercase(),
                Meaning::Property(_) | Meaning::Custom => column.property().to_lowercase(),
                // Ignored columns can have the same heading.
                Meaning::Ignored(_) => String::new(),
            };
            if let Some(first) = seen.get(&word) {
                // An export has both columns if records have both properties.
                let pair = [first.property(), column.property()];
                if pair[0] == pair[1] || !have_custom(kind, existing, &pair)? {
                    wrong(*number, "duplicate-column", same_property(&column, first))?;
                    continue;
                }
            }
            if !word.is_empty() {
                seen.insert(word, column.clone());
            }
            header.rejected.remove(number);
            log.set_column(kind, column.property(), column.letters());
            header.columns.push(column);
        }
        Ok(header)
    }

    /// Returns the column with this number if it has a heading.
    pub(super) fn column(&self, number: u32) -> Option<&Column> {
        let at = self.columns.binary_search_by_key(&number, |column| column.number).ok()?;
        Some(&self.columns[at])
    }

    /// Returns whether the column with this number has a heading, also one that has a problem.
    pub(super) fn has_heading(&self, number: u32) -> bool {
        self.column(number).is_some() || self.rejected.contains_key(&number)
    }

    /// Returns all headings, also those that have a problem.
    pub(super) fn headings(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().map(|column| column.heading.as_str());
        columns.chain(self.rejected.values().map(String::as_str))
    }

    /// The number of the last column with a heading.
    pub(super) fn last_column(&self) -> u32 {
        let column = self.columns.last().map_or(0, |column| column.number);
        let rejected = self.rejected.last_key_value().map_or(0, |(number, _)| *number);
        column.max(rejected)
    }

    /// The column of the names.
    pub(super) fn name_column(&self) -> Option<u32> {
        self.columns.iter().find(|column| is_name(column.meaning)).map(|column| column.number)
    }

    /// Returns whether there is a column for an end of links.
    pub(super) fn has_ends(&self) -> bool {
        self.columns.iter().any(|column| match column.meaning {
            Meaning::Property(property) => matches!(property.type_, PropertyType::One(_)),
            Meaning::Custom | Meaning::Ignored(_) => false,
        })
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
        self.custom_columns().enumerate().map(move |(at, column)| {
            let compared = at < HEADINGS_COMPARED_MAX;
            (column, compared.then(|| nearest(column.property(), words(kind))).flatten())
        })
    }

    /// Columns with a custom property.
    pub(super) fn custom_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.meaning == Meaning::Custom)
    }

    /// Columns that an import ignores.
    pub(super) fn ignored(&self) -> impl Iterator<Item = (&Column, Ignored)> {
        self.columns.iter().filter_map(|column| match column.meaning {
            Meaning::Ignored(ignored) => Some((column, ignored)),
            Meaning::Property(_) | Meaning::Custom => None,
        })
    }
}

/// The sentence about two columns with the same property, or with properties that differ only in case.
fn same_property(column: &Column, first: &Column) -> String {
    let (letters, second) = (first.letters(), column.letters());
    let (heading, other) = (&first.heading, &column.heading);
    if heading == other {
        // `ignore` would leave out both.
        return format!(
            "columns {letters} and {second} both have the heading '{heading}'. Rename or delete one of \
             them"
        );
    }
    if heading.to_lowercase() == other.to_lowercase() {
        return format!(
            "the headings of columns {letters} ('{heading}') and {second} ('{other}') differ only in \
             case. Rename or delete one of them"
        );
    }
    let (property, known) = (column.property(), first.property());
    if property != known {
        return format!(
            "columns {letters} ('{heading}') and {second} ('{other}') have the properties '{known}' and \
             '{property}', which differ only in case. Map them to different properties"
        );
    }
    format!(
        "columns {letters} ('{heading}') and {second} ('{other}') both have the property '{property}'. \
         Leave out one of them with `ignore` (--ignore '{other}'), or map it to another property"
    )
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
