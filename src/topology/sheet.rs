//! Reads a sheet: converts its rows to records.

use std::collections::BTreeSet;

use super::{
    ProposedMapping, ReadOptions,
    header::{Column, Header, HeadingReader, Meaning},
    header_search::{HeaderSearch, Verdict},
    merged::{Merges, RowPlace},
    notes::{Notes, RowRole},
    notices::{Tallies, Tally},
    relations::{self, RelationSheet},
    report::{CustomColumn, Ignored, IgnoredColumn, SheetReport},
    template::{EXAMPLE_NAME, ExampleCheck, Examples},
};
use crate::{
    codec::workbook::{Cell, CellFault, MergedRange, Row, column_name, parse_cell},
    import::{
        DocumentLocation, ImportError, Intake, KindRecords, Problem, RecordPosition, ShownValue,
    },
    model::{
        AnyRecord, Fit, IpText, Kind, Name, NoAddress, Parsed, PropertyType, Refused, Rule, Value,
    },
    wording::counted,
};

/// The property of a device that is checked to be an IP address.
const IP_ADDRESS: &str = "ip_address";

/// Number of columns without a heading that a report lists.
const UNNAMED_MAX: usize = 100;

/// The result of reading a sheet.
pub(super) struct SheetRead {
    pub report: SheetReport,
    pub custom_columns: Vec<CustomColumn>,
    pub ignored_columns: Vec<IgnoredColumn>,
    /// Sentences about rows that were not read, and about values that were changed.
    pub notices: Vec<String>,
    /// Properties for headings that have none.
    pub proposed: ProposedMapping,
    /// The headings of the sheet, of which the mapping of the request may contain some.
    pub headings: Vec<String>,
    /// Whether there is a column for an end of links.
    pub has_ends: bool,
}

/// Reads the rows of a sheet.
pub(super) struct Sheet<'i, 'a> {
    pub kind: Kind,
    intake: &'i Intake<'a>,
    reader: HeadingReader<'i>,
    records: KindRecords,
    header: HeaderState<'i>,
    merges: Merges,
    notes: Notes,
    examples: Examples,
    /// Names in cells that are numbers or booleans.
    names_of_numbers: Tally,
    /// Prefix lengths that were removed from addresses.
    prefixes: Tallies,
    rows: u64,
    /// Columns that have cells but no heading.
    unnamed: BTreeSet<u32>,
    /// The sheet of relations of the same kind.
    relations: Option<RelationSheet>,
    /// Problems of the current row.
    problems: Vec<(Problem, DocumentLocation)>,
    /// The number of names from which blanks were removed, and the cell of the first one.
    trimmed: u64,
    first_trimmed: Option<String>,
}

/// The state of the search for the header of a sheet.
enum HeaderState<'m> {
    Searched(HeaderSearch<'m>),
    Found {
        header: Header,
        /// The number of rows above the header that are not blank.
        rows_above: u64,
    },
    /// The sheet has no header, which is reported. Its rows are not read.
    Missing(ProposedMapping),
}

impl<'i, 'a> Sheet<'i, 'a> {
    /// Begins to read a sheet. `relations` is the sheet of relations of the same kind.
    pub(super) fn new(
        kind: Kind,
        intake: &'i Intake<'a>,
        options: &'i ReadOptions,
        relations: Option<RelationSheet>,
    ) -> Self {
        let reader = HeadingReader { kind, mapping: &options.mapping };
        Self {
            kind,
            intake,
            reader,
            records: intake.records(kind),
            header: HeaderState::Searched(HeaderSearch::new(reader, options.header_row)),
            merges: Merges::default(),
            notes: Notes::default(),
            examples: Examples::default(),
            names_of_numbers: Tally::default(),
            prefixes: Tallies::default(),
            rows: 0,
            unnamed: BTreeSet::new(),
            relations,
            problems: Vec::new(),
            trimmed: 0,
            first_trimmed: None,
        }
    }

    fn record(&mut self, header: &Header, row: &Row<'_>) -> Result<(), ImportError> {
        self.rows += 1;
        let position = RecordPosition { index: self.rows - 1, line: u64::from(row.row) + 1 };
        let mut incoming =
            IncomingRow { position, name: None, values: Vec::with_capacity(row.cells.len()) };
        for (number, cell) in &row.cells {
            let Some(column) = header.column(*number) else {
                if self.unnamed.len() < UNNAMED_MAX && !cell.is_blank() {
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
                Ok(Some((value, fit))) => match self.without_prefix(column, value, position.line) {
                    Ok(value) => self.set(&mut incoming, column, type_, value, fit, cell),
                    Err(fault) => self.add_problem(&incoming, column, cell, fault),
                },
                Err(fault) => self.add_problem(&incoming, column, cell, fault),
            }
        }
        self.add_relations(&mut incoming);
        self.add_record(incoming)
    }

    /// Adds the row of the same name in the sheet of relations.
    fn add_relations(&mut self, incoming: &mut IncomingRow) {
        let Some((relations, name)) = self.relations.as_mut().zip(incoming.name.as_ref()) else {
            return;
        };
        if let Err(property) = relations.add_to(name.as_str(), &mut incoming.values) {
            let log = self.intake.log();
            let detail = format!(
                "sheet '{}' has another value of '{property}' for this record. Leave one of them \
                 empty",
                relations::sheet_name(self.kind)
            );
            let document = log.document(self.kind);
            let problem = Problem::of(document, Some(&property), "relations-differ", detail);
            let location = log.location(self.kind, Some(&property), incoming.position, None);
            self.problems.push((problem, location));
        }
    }

    /// Checks the IP address of a device, and removes the length of its prefix.
    fn without_prefix(
        &mut self,
        column: &Column,
        value: Value,
        line: u64,
    ) -> Result<Value, CellFault> {
        let text = match &value {
            Value::Text(text) if self.kind == Kind::Device && column.property() == IP_ADDRESS => {
                text
            }
            _ => return Ok(value),
        };
        match IpText::parse(text) {
            IpText::Blank => Ok(value),
            IpText::Address(_) => Ok(Value::from(text.trim())),
            IpText::WithPrefix { address, prefix } => {
                let place = || self.intake.log().cell(self.kind, &column.letters(), line);
                self.prefixes.add(&format!("/{prefix}"), place);
                Ok(Value::from(address))
            }
            // eNMS comes with workbooks that number their addresses. The import warns of them.
            IpText::Other if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(value),
            IpText::Other => {
                let detail = format!(
                    "this is not an IP address{}. Write an address such as 192.0.2.1 or 2001:db8::1. To \
                     leave the column out, pass `ignore` (--ignore {}). To keep its texts, map \
                     it to another property",
                    NoAddress::of(text),
                    column.heading
                );
                Err(CellFault { rule: "ip-address", detail })
            }
        }
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
        // Only blanks around text are converted in a text.
        let is_trimmed = fit == Fit::Converted && matches!(cell, Cell::Text(_));
        if is_trimmed {
            self.trimmed += 1;
            let line = incoming.position.line;
            self.first_trimmed.get_or_insert_with(|| format!("{}{line}", column.letters()));
        }
        if type_ == PropertyType::Name {
            if let (Value::Text(name), Cell::Number(_) | Cell::Bool(_)) = (&value, cell) {
                let line = incoming.position.line;
                self.names_of_numbers.add(|| format!("'{name}' in {}{line}", column.letters()));
            }
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
    /// Takes the merged cells of the sheet, before its rows.
    pub(super) fn merged(&mut self, ranges: Vec<MergedRange>) {
        self.merges = Merges::new(ranges);
    }

    /// Reads the next row: one above the header, the header, or a record.
    ///
    /// # Errors
    /// [`ImportError`] if records or problems cannot be stored.
    pub(super) fn row(&mut self, mut row: Row<'_>) -> Result<(), ImportError> {
        if row.cells.iter().all(|(_, cell)| cell.is_blank()) {
            return Ok(());
        }
        let is_title = match &self.header {
            HeaderState::Searched(_) => {
                self.merges.fill(&mut row, RowPlace::UpToHeader);
                false
            }
            HeaderState::Found { header, .. } => {
                let name_column = header.name_column();
                let only_column = match row.cells.as_slice() {
                    [(column, _)] => Some(*column),
                    _ => None,
                };
                self.merges.fill(&mut row, RowPlace::Table { name_column });
                self.merges.is_title(row.row, only_column, name_column)
            }
            HeaderState::Missing(_) => false,
        };
        let state = HeaderState::Missing(ProposedMapping::default());
        self.header = match std::mem::replace(&mut self.header, state) {
            HeaderState::Searched(mut search) => match search.offer(&row) {
                Verdict::Header => {
                    self.notes = Notes::below(row.row);
                    self.merges.end_header();
                    HeaderState::Found {
                        header: Header::read(self.reader, self.intake, &row)?,
                        rows_above: search.rows_above(),
                    }
                }
                Verdict::Above => HeaderState::Searched(search),
                Verdict::NotFound => HeaderState::Missing(search.report_missing(self.intake)?),
            },
            HeaderState::Found { header, rows_above } => {
                if is_title {
                    self.notes.add_title(&row);
                } else {
                    self.row_of_table(&header, row)?;
                }
                HeaderState::Found { header, rows_above }
            }
            HeaderState::Missing(proposed) => HeaderState::Missing(proposed),
        };
        Ok(())
    }

    /// Reads the next row below the header.
    fn row_of_table(&mut self, header: &Header, row: Row<'_>) -> Result<(), ImportError> {
        match self.examples.check(self.kind, header, &row) {
            ExampleCheck::Other => {}
            ExampleCheck::Example => {
                self.notes.pass_example(row.row);
                return Ok(());
            }
            ExampleCheck::Changed { column } => {
                self.notes.pass_example(row.row);
                return self.report_unnamed_example(header, &row, &column);
            }
        }
        match self.notes.role(header, row) {
            RowRole::Record(row) => {
                for held in self.notes.release() {
                    self.record(header, &held)?;
                }
                self.record(header, &row)
            }
            RowRole::Held | RowRole::Sum => Ok(()),
        }
    }

    /// Reports a row with the name of the example and with other values.
    fn report_unnamed_example(
        &mut self,
        header: &Header,
        row: &Row<'_>,
        changed: &str,
    ) -> Result<(), ImportError> {
        self.rows += 1;
        let log = self.intake.log();
        let line = u64::from(row.row) + 1;
        let name = header.name_column().map_or_else(String::new, column_name);
        let detail = format!(
            "the row still has the name of the example, but column {changed} has another value. Write \
             the name of the {} to import the row, or delete the row",
            self.kind
        );
        let document = log.document(self.kind);
        let problem = Problem {
            value: Some(ShownValue::of(&Value::from(EXAMPLE_NAME))),
            ..Problem::of(document, Some("name"), "example-name", detail)
        };
        let location = DocumentLocation {
            row: Some(line),
            cell: Some(log.cell(self.kind, &name, line)),
            record: Some(EXAMPLE_NAME.to_owned()),
            ..DocumentLocation::default()
        };
        log.count_rejected(self.kind);
        log.problem(&problem, location)
    }

    /// Ends the sheet. Returns its records, and the result of reading it.
    ///
    /// # Errors
    /// [`ImportError`] if a problem cannot be stored.
    pub(super) fn finish(self) -> Result<(KindRecords, SheetRead), ImportError> {
        let sheet = self.kind;
        if let Some(relations) = &self.relations {
            relations.warn_of_unused(self.intake.log());
        }
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
            proposed: ProposedMapping::default(),
            headings: Vec::new(),
            has_ends: false,
        };
        let name = self.intake.log().sheet_name(sheet);
        if let Some(first) = &self.first_trimmed {
            read.notices.push(format!(
                "sheet '{name}': blanks around {} were removed, first in cell {first}",
                counted(self.trimmed, "name")
            ));
        }
        match self.header {
            HeaderState::Found { header, rows_above } => {
                read.describe(&header, self.reader);
                if rows_above > 0 {
                    read.notices.push(format!(
                        "sheet '{name}': the headings are in row {}. {} above the headings {} not read",
                        header.line,
                        counted(rows_above, "row"),
                        if rows_above == 1 { "was" } else { "were" },
                    ));
                }
            }
            HeaderState::Searched(search) if search.rows_above() > 0 => {
                read.proposed = search.report_missing(self.intake)?;
            }
            HeaderState::Searched(_) => {}
            HeaderState::Missing(proposed) => read.proposed = proposed,
        }
        if self.merges.is_over_limit() {
            let log = self.intake.log();
            let detail =
                "merged cells would give too much text to other cells. Undo the merging of \
                          cells with long texts"
                    .to_owned();
            let problem = Problem::of(log.document(sheet), None, "merged-long", detail);
            log.unreadable(&problem, DocumentLocation::default())?;
        }
        read.notices.extend(self.examples.warnings(&name));
        if self.names_of_numbers.count() > 0 {
            read.notices.push(format!(
                "sheet '{name}': {} read from cells with a number or boolean: {}. A cell can show \
                 another text, such as 010 or 1,000. Set the format of the column to 'Text' and type \
                 the name again if it is wrong",
                match self.names_of_numbers.count() {
                    1 => "1 name was".to_owned(),
                    count => format!("{} were", counted(count, "name")),
                },
                self.names_of_numbers.places()
            ));
        }
        read.notices.extend(self.merges.warning(&name));
        read.notices.extend(self.notes.warnings(&name));
        read.notices.extend(self.prefixes.sentences(|prefix, tally| {
            format!(
                "'{prefix}' was removed from {} in {IP_ADDRESS} ({})",
                counted(tally.count(), "address"),
                tally.places()
            )
        }));
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
    fn describe(&mut self, header: &Header, reader: HeadingReader<'_>) {
        let sheet = self.report.sheet;
        self.headings.extend(header.columns().iter().map(|column| column.heading.clone()));
        let custom = header.custom(sheet).filter(|(column, _)| column.mapped.is_none());
        let taken = header.properties().map(|column| column.property().to_owned());
        self.proposed = reader.propose(custom.map(|(column, _)| column.heading.as_str()), taken);
        self.report.header_row = Some(header.line);
        self.report.columns = header.properties().count() as u64;
        self.has_ends = header.columns().iter().any(|column| match column.meaning {
            Meaning::Property(property) => matches!(property.type_, PropertyType::One(_)),
            Meaning::Custom | Meaning::Ignored(_) => false,
        });
        self.custom_columns.extend(header.custom(sheet).map(|(column, nearest)| CustomColumn {
            sheet,
            column: column.letters(),
            name: column.property().to_owned(),
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
