//! A sheet that is being read: its rows become records.

use std::collections::BTreeSet;

use super::{
    header::{Column, Header, Meaning},
    report::{CustomColumn, Ignored, IgnoredColumn, SheetReport},
};
use crate::{
    codec::workbook::{Cell, CellFault, Row, column_name, parse_cell},
    import::{
        DocumentLocation, ImportError, Intake, KindRecords, Problem, RecordPosition, ShownValue,
    },
    model::{AnyRecord, Fit, Kind, Name, Parsed, PropertyType, Refused, Rule, Value, aliases},
};

/// How many columns without a heading are named.
const UNNAMED_MAX: usize = 100;

/// What was made of a sheet.
pub(super) struct SheetRead {
    pub report: SheetReport,
    pub custom_columns: Vec<CustomColumn>,
    pub ignored_columns: Vec<IgnoredColumn>,
    /// Whether a column says where links end.
    pub has_ends: bool,
}

/// A sheet that takes rows.
pub(super) struct Sheet<'i, 'a> {
    pub kind: Kind,
    intake: &'i Intake<'a>,
    records: KindRecords,
    header: Option<Header>,
    rows: u64,
    /// Columns that have cells and no heading.
    unnamed: BTreeSet<u32>,
    /// Of one row, and emptied before the next.
    problems: Vec<(Problem, DocumentLocation)>,
}

impl<'i, 'a> Sheet<'i, 'a> {
    pub fn new(kind: Kind, intake: &'i Intake<'a>) -> Self {
        Self {
            kind,
            intake,
            records: intake.records(kind),
            header: None,
            rows: 0,
            unnamed: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    fn record(&mut self, header: &Header, row: &Row<'_>) -> Result<(), ImportError> {
        let position = RecordPosition { index: self.rows - 1, line: u64::from(row.row) + 1 };
        let mut said = Said { position, name: None, values: Vec::with_capacity(row.cells.len()) };
        for (number, cell) in &row.cells {
            let Some(column) = header.column(*number) else {
                if self.unnamed.len() < UNNAMED_MAX && !is_blank(cell) {
                    self.unnamed.insert(*number);
                }
                continue;
            };
            let type_ = match column.meaning {
                Meaning::Property(property) => property.type_,
                Meaning::Custom => PropertyType::Any,
                Meaning::Ignored(_) => continue,
            };
            match parse_cell(type_, cell) {
                Ok(None) => {}
                Ok(Some((value, fit))) => self.say(&mut said, column, type_, value, fit, cell),
                Err(wrong) => self.wrong(&said, column, cell, wrong),
            }
        }
        self.take(said)
    }

    /// Takes down what a cell says.
    fn say(
        &mut self,
        said: &mut Said,
        column: &Column,
        type_: PropertyType,
        value: Value,
        fit: Fit,
        cell: &Cell<'_>,
    ) {
        if type_ == PropertyType::Name {
            match value {
                Value::Text(text) => match Name::parse(text) {
                    Ok(name) => said.name = Some(name),
                    Err((rule, _)) => self.wrong(said, column, cell, broken(&rule)),
                },
                other => {
                    let rule = Rule::Type { expected: type_, found: other.type_name() };
                    self.wrong(said, column, cell, broken(&rule));
                }
            }
        } else {
            // Only an end of a link has two words, and may stand in two columns.
            let is_aliased =
                aliases(self.kind).iter().any(|(_, property)| *property == column.property());
            let same = is_aliased
                .then(|| said.values.iter().find(|(known, ..)| known == column.property()))
                .flatten();
            match same {
                Some((_, other, _)) if *other == value => {}
                Some(_) => {
                    let detail = format!(
                        "another column of this row says another {}: leave one of them empty",
                        column.property()
                    );
                    self.wrong(said, column, cell, CellFault { rule: "ends-differ", detail });
                }
                None => said.values.push((column.property().to_owned(), value, fit)),
            }
        }
    }

    fn wrong(&mut self, said: &Said, column: &Column, cell: &Cell<'_>, wrong: CellFault) {
        let problem = Problem {
            value: Some(ShownValue::of(&shown(cell))),
            ..Problem::of(
                self.intake.log().document(self.kind),
                Some(column.property()),
                wrong.rule,
                wrong.detail,
            )
        };
        let line = said.position.line;
        let location = DocumentLocation {
            row: Some(line),
            cell: Some(format!("{}!{}{line}", self.kind, column.letters())),
            ..DocumentLocation::default()
        };
        self.problems.push((problem, location));
    }

    /// Takes the record in, or says in the log why there is none.
    fn take(&mut self, said: Said) -> Result<(), ImportError> {
        let log = self.intake.log();
        let Said { position, name, values } = said;
        let no_name_said =
            || self.problems.iter().all(|(p, _)| p.property.as_deref() != Some("name"));
        if name.is_none() && no_name_said() {
            let location = log.location(self.kind, Some("name"), position, None);
            let wrong = broken(&Rule::NameMissing);
            let document = log.document(self.kind);
            let problem = Problem::of(document, Some("name"), wrong.rule, wrong.detail);
            self.problems.push((problem, location));
        }
        let shown_name = name.as_ref().map(|name| name.as_str().to_owned());
        let mut parsed = name.map(|name| Parsed {
            record: AnyRecord::named(self.kind, name),
            converted: Vec::new(),
        });
        for (property, value, fit) in values {
            let Some(Parsed { record, converted }) = &mut parsed else { break };
            match record.set(&property, value) {
                Ok(_) => {
                    if fit == Fit::Converted {
                        converted.push(property);
                    }
                }
                // No value that was read is refused, but a property may have a rule of its own.
                Err(Refused { rule, value }) => {
                    let wrong = broken(&rule);
                    let problem = Problem {
                        value: value.as_ref().map(ShownValue::of),
                        ..Problem::of(
                            log.document(self.kind),
                            Some(&property),
                            wrong.rule,
                            wrong.detail,
                        )
                    };
                    let location = log.location(self.kind, Some(&property), position, None);
                    self.problems.push((problem, location));
                }
            }
        }
        match parsed {
            Some(parsed) if self.problems.is_empty() => {
                self.intake.take_record(&mut self.records, parsed, position)
            }
            Some(_) | None => {
                log.count_rejected(self.kind);
                for (problem, mut location) in self.problems.drain(..) {
                    location.record = shown_name.clone();
                    log.problem(&problem, location)?;
                }
                Ok(())
            }
        }
    }
}

/// What a row says.
struct Said {
    position: RecordPosition,
    name: Option<Name>,
    values: Vec<(String, Value, Fit)>,
}

impl Sheet<'_, '_> {
    /// Takes the next row.
    ///
    /// # Errors
    /// Nothing more can be set aside.
    pub fn row(&mut self, row: &Row<'_>) -> Result<(), ImportError> {
        if row.cells.iter().all(|(_, cell)| is_blank(cell)) {
            return Ok(());
        }
        let Some(header) = self.header.take() else {
            self.header = Some(Header::read(self.kind, self.intake, row)?);
            return Ok(());
        };
        self.rows += 1;
        let taken = if header.has_name { self.record(&header, row) } else { Ok(()) };
        self.header = Some(header);
        taken
    }

    /// The records, and what was made of the columns.
    pub fn finish(self) -> (KindRecords, SheetRead) {
        let sheet = self.kind;
        let mut read = SheetRead {
            report: SheetReport { sheet, rows: self.rows, columns: 0 },
            custom_columns: Vec::new(),
            ignored_columns: Vec::new(),
            has_ends: false,
        };
        if let Some(header) = &self.header {
            read.report.columns = header.taken().count() as u64;
            read.has_ends = header.columns().iter().any(|column| match column.meaning {
                Meaning::Property(property) => matches!(property.type_, PropertyType::One(_)),
                Meaning::Custom | Meaning::Ignored(_) => false,
            });
            read.custom_columns.extend(header.custom(sheet).map(|(column, nearest)| {
                CustomColumn {
                    sheet,
                    column: column.letters(),
                    name: column.heading.clone(),
                    nearest,
                }
            }));
            read.ignored_columns.extend(header.ignored().map(|(column, reason)| IgnoredColumn {
                sheet,
                column: column.letters(),
                name: column.heading.clone(),
                reason,
            }));
        }
        read.ignored_columns.extend(self.unnamed.iter().map(|number| IgnoredColumn {
            sheet,
            column: column_name(*number),
            name: String::new(),
            reason: Ignored::Unnamed,
        }));
        (self.records, read)
    }
}

/// Whether a cell shows nothing.
pub(super) fn is_blank(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Empty => true,
        Cell::Text(text) => text.trim().is_empty(),
        Cell::Number(_)
        | Cell::Bool(_)
        | Cell::Error(_)
        | Cell::Date(_)
        | Cell::Duration(_)
        | Cell::Formula(_) => false,
    }
}

fn broken(rule: &Rule) -> CellFault {
    CellFault { rule: rule.code(), detail: rule.to_string() }
}

/// A cell's content, for a report.
fn shown(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Number(number) => Value::Float(*number),
        Cell::Bool(truth) => Value::Bool(*truth),
        other => Value::from(other.to_string()),
    }
}
