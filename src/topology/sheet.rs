//! Reads a sheet: converts its rows to records.

use std::collections::BTreeSet;

use super::{
    header::{Column, Header, Meaning},
    header_search::{HeaderSearch, Verdict},
    report::{CustomColumn, Ignored, IgnoredColumn, SheetReport},
};
use crate::{
    codec::workbook::{Cell, CellFault, Row, column_name, parse_cell},
    import::{
        DocumentLocation, ImportError, Intake, KindRecords, Problem, RecordPosition, ShownValue,
    },
    model::{AnyRecord, Fit, Kind, Name, Parsed, PropertyType, Refused, Rule, Value},
    wording::counted,
};

/// Number of columns without a heading that a report lists.
const UNNAMED_MAX: usize = 100;

/// The result of reading a sheet.
pub(super) struct SheetRead {
    pub report: SheetReport,
    pub custom_columns: Vec<CustomColumn>,
    pub ignored_columns: Vec<IgnoredColumn>,
    /// Sentences about rows that were not read.
    pub notices: Vec<String>,
    /// Whether there is a column for an end of links.
    pub has_ends: bool,
}

/// Reads the rows of a sheet.
pub(super) struct Sheet<'i, 'a> {
    pub kind: Kind,
    intake: &'i Intake<'a>,
    records: KindRecords,
    header: HeaderState,
    rows: u64,
    /// Columns that have cells but no heading.
    unnamed: BTreeSet<u32>,
    /// Problems of the current row.
    problems: Vec<(Problem, DocumentLocation)>,
    /// The number of names from which blanks were removed, and the cell of the first one.
    trimmed: u64,
    first_trimmed: Option<String>,
}

/// The state of the search for the header of a sheet.
enum HeaderState {
    Searched(HeaderSearch),
    Found {
        header: Header,
        /// The number of rows above the header that are not blank.
        rows_above: u64,
    },
    /// The sheet has no header, which is reported. Its rows are not read.
    Missing,
}

impl<'i, 'a> Sheet<'i, 'a> {
    /// Begins to read a sheet. Its header is in the row `header_row`, from 1, or is sought.
    pub(super) fn new(kind: Kind, intake: &'i Intake<'a>, header_row: Option<u32>) -> Self {
        Self {
            kind,
            intake,
            records: intake.records(kind),
            header: HeaderState::Searched(HeaderSearch::new(kind, header_row)),
            rows: 0,
            unnamed: BTreeSet::new(),
            problems: Vec::new(),
            trimmed: 0,
            first_trimmed: None,
        }
    }

    fn record(&mut self, header: &Header, row: &Row<'_>) -> Result<(), ImportError> {
        let position = RecordPosition { index: self.rows - 1, line: u64::from(row.row) + 1 };
        let mut incoming =
            IncomingRow { position, name: None, values: Vec::with_capacity(row.cells.len()) };
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
                Ok(Some((value, fit))) => self.set(&mut incoming, column, type_, value, fit, cell),
                Err(fault) => self.add_problem(&incoming, column, cell, fault),
            }
        }
        self.add_record(incoming)
    }

    /// Adds the value of a cell to its row.
    fn set(
        &mut self,
        incoming: &mut IncomingRow,
        column: &Column,
        type_: PropertyType,
        value: Value,
        fit: Fit,
        cell: &Cell<'_>,
    ) {
        // Only blanks around a text are converted in a text.
        let is_trimmed = fit == Fit::Converted && matches!(cell, Cell::Text(_));
        if is_trimmed {
            self.trimmed += 1;
            let line = incoming.position.line;
            self.first_trimmed.get_or_insert_with(|| format!("{}{line}", column.letters()));
        }
        if type_ == PropertyType::Name {
            match value {
                Value::Text(text) => match Name::parse(text) {
                    Ok(name) => incoming.name = Some(name),
                    Err((rule, _)) => self.add_problem(incoming, column, cell, fault_of(&rule)),
                },
                other => {
                    let rule = Rule::Type { expected: type_, found: other.type_name() };
                    self.add_problem(incoming, column, cell, fault_of(&rule));
                }
            }
        } else {
            // Only an end of a link has two headings, and can have two columns.
            let is_aliased =
                self.kind.aliases().iter().any(|(_, property)| *property == column.property());
            let same = is_aliased
                .then(|| incoming.values.iter().find(|(known, ..)| known == column.property()))
                .flatten();
            match same {
                Some((_, other, _)) if *other == value => {}
                Some(_) => {
                    let detail = format!(
                        "another column of this row has a different {}. Leave one of them empty",
                        column.property()
                    );
                    self.add_problem(
                        incoming,
                        column,
                        cell,
                        CellFault { rule: "ends-differ", detail },
                    );
                }
                None => incoming.values.push((column.property().to_owned(), value, fit)),
            }
        }
    }

    /// Adds a problem of a cell.
    fn add_problem(
        &mut self,
        incoming: &IncomingRow,
        column: &Column,
        cell: &Cell<'_>,
        fault: CellFault,
    ) {
        let problem = Problem {
            value: Some(ShownValue::of(&shown(cell))),
            ..Problem::of(
                self.intake.log().document(self.kind),
                Some(column.property()),
                fault.rule,
                fault.detail,
            )
        };
        let line = incoming.position.line;
        let location = DocumentLocation {
            row: Some(line),
            cell: Some(self.intake.log().cell(self.kind, &column.letters(), line)),
            ..DocumentLocation::default()
        };
        self.problems.push((problem, location));
    }

    /// Adds the record of a row to the import, or its problems to the log.
    fn add_record(&mut self, incoming: IncomingRow) -> Result<(), ImportError> {
        let log = self.intake.log();
        let IncomingRow { position, name, values } = incoming;
        let has_no_name_problem =
            || self.problems.iter().all(|(p, _)| p.property.as_deref() != Some("name"));
        if name.is_none() && has_no_name_problem() {
            let location = log.location(self.kind, Some("name"), position, None);
            let fault = fault_of(&Rule::NameMissing);
            let document = log.document(self.kind);
            let problem = Problem::of(document, Some("name"), fault.rule, fault.detail);
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
                // The type of the value is right, but the property can have another rule.
                Err(Refused { rule, value }) => {
                    let fault = fault_of(&rule);
                    let problem = Problem {
                        value: value.as_ref().map(ShownValue::of),
                        ..Problem::of(
                            log.document(self.kind),
                            Some(&property),
                            fault.rule,
                            fault.detail,
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

/// The values of a row.
struct IncomingRow {
    position: RecordPosition,
    name: Option<Name>,
    values: Vec<(String, Value, Fit)>,
}

impl Sheet<'_, '_> {
    /// Reads the next row: one above the header, the header, or a record.
    ///
    /// # Errors
    /// [`ImportError`] if records or problems cannot be stored.
    pub(super) fn row(&mut self, row: &Row<'_>) -> Result<(), ImportError> {
        if row.cells.iter().all(|(_, cell)| is_blank(cell)) {
            return Ok(());
        }
        match std::mem::replace(&mut self.header, HeaderState::Missing) {
            HeaderState::Searched(mut search) => {
                self.header = match search.offer(row) {
                    Verdict::Header => HeaderState::Found {
                        header: Header::read(self.kind, self.intake, row)?,
                        rows_above: search.rows_above(),
                    },
                    Verdict::Above => HeaderState::Searched(search),
                    Verdict::NotFound => {
                        search.report_missing(self.intake)?;
                        HeaderState::Missing
                    }
                };
                Ok(())
            }
            HeaderState::Found { header, rows_above } => {
                self.rows += 1;
                let result = self.record(&header, row);
                self.header = HeaderState::Found { header, rows_above };
                result
            }
            HeaderState::Missing => Ok(()),
        }
    }

    /// Ends the sheet. Returns its records, and the result of reading it.
    ///
    /// # Errors
    /// [`ImportError`] if a problem cannot be stored.
    pub(super) fn finish(self) -> Result<(KindRecords, SheetRead), ImportError> {
        let sheet = self.kind;
        let mut read = SheetRead {
            report: SheetReport {
                sheet,
                name: None,
                header_row: None,
                rows: self.rows,
                columns: 0,
            },
            custom_columns: Vec::new(),
            ignored_columns: Vec::new(),
            notices: Vec::new(),
            has_ends: false,
        };
        if let Some(first) = &self.first_trimmed {
            read.notices.push(format!(
                "sheet '{sheet}': blanks around {} were removed, first in cell {first}",
                counted(self.trimmed, "name")
            ));
        }
        match &self.header {
            HeaderState::Found { header, rows_above } => {
                read.describe(header);
                if *rows_above > 0 {
                    read.notices.push(format!(
                        "sheet '{}': the headings are in row {}. {} above it {} not read",
                        self.intake.log().sheet_name(sheet),
                        header.line,
                        counted(*rows_above, "row"),
                        if *rows_above == 1 { "was" } else { "were" },
                    ));
                }
            }
            HeaderState::Searched(search) if search.rows_above() > 0 => {
                search.report_missing(self.intake)?;
            }
            HeaderState::Searched(_) | HeaderState::Missing => {}
        }
        read.ignored_columns.extend(self.unnamed.iter().map(|number| IgnoredColumn {
            sheet,
            column: column_name(*number),
            name: String::new(),
            reason: Ignored::Unnamed,
        }));
        Ok((self.records, read))
    }
}

impl SheetRead {
    /// Describes the columns of the sheet.
    fn describe(&mut self, header: &Header) {
        let sheet = self.report.sheet;
        self.report.header_row = Some(header.line);
        self.report.columns = header.properties().count() as u64;
        self.has_ends = header.columns().iter().any(|column| match column.meaning {
            Meaning::Property(property) => matches!(property.type_, PropertyType::One(_)),
            Meaning::Custom | Meaning::Ignored(_) => false,
        });
        self.custom_columns.extend(header.custom(sheet).map(|(column, nearest)| CustomColumn {
            sheet,
            column: column.letters(),
            name: column.heading.clone(),
            nearest,
        }));
        self.ignored_columns.extend(header.ignored().map(|(column, reason)| IgnoredColumn {
            sheet,
            column: column.letters(),
            name: column.heading.clone(),
            reason,
        }));
    }
}

/// Whether a cell is empty or has only blanks.
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

/// Converts a broken rule to the fault of a cell.
fn fault_of(rule: &Rule) -> CellFault {
    CellFault { rule: rule.code(), detail: rule.to_string() }
}

/// The value of a cell for a report.
fn shown(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Number(number) => Value::Float(*number),
        Cell::Bool(truth) => Value::Bool(*truth),
        other => Value::from(other.to_string()),
    }
}
