//! Reads a sheet: converts its rows to records.

use std::collections::BTreeSet;

use super::{
    ProposedMapping, ReadOptions, Replace,
    custom_case::CustomCase,
    existing::{ExistingRecords, name_of},
    filled::FilledNumbers,
    header::{Column, Header, HeadingReader, Meaning},
    header_search::HeaderSearch,
    merged::{Merges, RowPlace},
    notes::{Notes, RowRole},
    notices::{Tallies, Tally},
    relations::{self, RelationSheet},
    repeated_header::{HeaderCheck, RepeatedHeaders},
    report::{Ignored, IgnoredColumn, SheetReport},
    selection::Selection,
    sheet_read::SheetRead,
    template::{ExampleCheck, Examples},
};
use crate::{
    codec::workbook::{Cell, CellFault, MergedRange, Row, column_name, parse_cell},
    import::{
        DocumentLocation, ImportError, Intake, KindRecords, Problem, RecordPosition, ShownValue,
    },
    model::{
        AnyRecord, Fit, IpText, Kind, Name, NoAddress, Parsed, PropertyType, Refused, Rule, Value,
    },
    store::LiveView,
    wording::counted,
};

/// The property of a device that is checked to be an IP address.
const IP_ADDRESS: &str = "ip_address";

/// The rule of a row with the name of the example of a template.
const EXAMPLE_RULE: &str = "example-name";

/// Number of columns without a heading that a report lists.
const UNNAMED_MAX: usize = 100;

/// The import that a sheet belongs to.
#[derive(Clone, Copy)]
pub(super) struct SheetContext<'i> {
    pub options: &'i ReadOptions,
    pub selection: Selection,
    pub replace: Replace,
    /// The inventory when the import begins.
    pub existing: &'i LiveView,
}

/// Reads the rows of a sheet.
pub(super) struct Sheet<'i, 'a> {
    pub kind: Kind,
    intake: &'i Intake<'a>,
    reader: HeadingReader<'i>,
    records: KindRecords,
    context: SheetContext<'i>,
    existing: ExistingRecords<'i>,
    header: HeaderState<'i>,
    /// The ranges of merged cells, until the header is found.
    ranges: Vec<MergedRange>,
    merges: Merges,
    notes: Notes,
    examples: Examples,
    repeated_headers: RepeatedHeaders,
    /// Names in cells that are numbers or booleans.
    names_of_numbers: Tally,
    filled: FilledNumbers,
    custom_case: CustomCase,
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
    /// The number of links that do not exist yet, if the sheet has no column for their ends.
    new_links: u64,
}

/// The state of the search for the header of a sheet.
enum HeaderState<'m> {
    Searched(HeaderSearch<'m>),
    Found {
        header: Header,
        /// The number of rows above the header that are not blank.
        rows_above: u64,
        /// A sentence about other rows that look like a header.
        notice: Option<String>,
    },
    /// The sheet has no header, which is reported. Its rows are not read.
    Missing {
        proposed: ProposedMapping,
        /// The headings of the row that is most like a header.
        headings: Vec<String>,
    },
}

impl HeaderState<'_> {
    const NONE: Self =
        Self::Missing { proposed: ProposedMapping(Vec::new()), headings: Vec::new() };
}

impl<'i, 'a> Sheet<'i, 'a> {
    /// Begins to read a sheet. `relations` is the sheet of relations of the same kind.
    pub(super) fn new(
        kind: Kind,
        intake: &'i Intake<'a>,
        context: SheetContext<'i>,
        relations: Option<RelationSheet>,
    ) -> Self {
        let reader = HeadingReader { kind, mapping: &context.options.mapping };
        Self {
            kind,
            intake,
            reader,
            records: intake.records(kind),
            context,
            existing: ExistingRecords::new(kind, context.existing),
            header: HeaderState::Searched(HeaderSearch::new(reader, context.options.header_row)),
            ranges: Vec::new(),
            merges: Merges::default(),
            notes: Notes::default(),
            examples: Examples::default(),
            repeated_headers: RepeatedHeaders::default(),
            names_of_numbers: Tally::default(),
            filled: FilledNumbers::default(),
            custom_case: CustomCase::default(),
            prefixes: Tallies::default(),
            rows: 0,
            unnamed: BTreeSet::new(),
            relations,
            problems: Vec::new(),
            trimmed: 0,
            first_trimmed: None,
            new_links: 0,
        }
    }

    fn record(&mut self, header: &Header, row: &Row<'_>) -> Result<(), ImportError> {
        self.rows += 1;
        let position = RecordPosition { index: self.rows - 1, line: u64::from(row.row) + 1 };
        let mut incoming =
            IncomingRow { position, name: None, values: Vec::with_capacity(row.cells.len()) };
        let name = name_of(header, row);
        if self.custom_case.compares_next(header)
            && let Some(name) = &name
            && let Some(existing) = self.existing.record(name)?
        {
            self.custom_case.compare(header, &**existing);
        }
        if self.kind == Kind::Link && !header.has_ends() && !self.existing.has(header, row)? {
            self.new_links += 1;
        }
        for (number, cell) in &row.cells {
            let Some(column) = header.column(*number) else {
                if !cell.is_blank() && !header.has_heading(*number) {
                    self.unnamed_cell(header, position.line, *number, cell);
                }
                continue;
            };
            let type_ = match column.meaning {
                Meaning::Property(property) => property.type_,
                Meaning::Custom => PropertyType::Any,
                Meaning::Ignored(_) => continue,
            };
            if row.shown.binary_search(number).is_ok() {
                let address = || format!("{}{}", column.letters(), position.line);
                self.filled.add(type_, column.property(), cell, address);
            }
            let parsed = parse_cell(type_, cell);
            let stored = match &parsed {
                Ok(None) => None,
                Ok(Some((value, _))) if !self.is_unusual_address(column, value) => None,
                Ok(Some(_)) | Err(_) => {
                    self.existing.value_of_cell(name.as_deref(), column, cell)?
                }
            };
            match (parsed, stored) {
                (_, Some(value)) => {
                    self.set(&mut incoming, column, type_, value, Fit::Exact, cell);
                }
                (Ok(None), None) => {}
                (Ok(Some((value, fit))), None) => {
                    match self.without_prefix(column, value, position.line) {
                        Ok(value) => self.set(&mut incoming, column, type_, value, fit, cell),
                        Err(fault) => self.add_problem(&incoming, column, cell, fault),
                    }
                }
                (Err(fault), None) => self.add_problem(&incoming, column, cell, fault),
            }
        }
        self.add_relations(&mut incoming);
        self.add_record(incoming)
    }

    /// Takes a cell in a column without a heading. In a table, a cell behind the last heading is most
    /// likely the rest of a text that contains the separator, so it is a problem.
    fn unnamed_cell(&mut self, header: &Header, line: u64, number: u32, cell: &Cell<'_>) {
        let is_behind = number > header.last_column();
        if !is_behind || !matches!(self.context.selection, Selection::Table(_)) {
            if self.unnamed.len() < UNNAMED_MAX {
                self.unnamed.insert(number);
            }
            return;
        }
        let log = self.intake.log();
        let detail = format!(
            "the row has more cells than the header, whose last heading is in column {}. If the \
             separator is a part of a text, put the text into quotation marks. Otherwise delete the \
             cell or write a heading for it",
            column_name(header.last_column())
        );
        let problem = Problem {
            value: Some(ShownValue::of(&shown(cell))),
            ..Problem::of(log.document(self.kind), None, "extra-cell", detail)
        };
        let location = DocumentLocation {
            row: Some(line),
            cell: Some(log.cell(self.kind, &column_name(number), line)),
            ..DocumentLocation::default()
        };
        self.problems.push((problem, location));
    }

    /// Returns whether a value is the IP address of a device, and an import would change or refuse
    /// it.
    fn is_unusual_address(&self, column: &Column, value: &Value) -> bool {
        let Some(text) = value.as_text().filter(|_| self.is_address(column)) else { return false };
        match IpText::parse(text) {
            IpText::Blank => false,
            IpText::Address(_) => text.trim() != text,
            IpText::WithPrefix { .. } | IpText::Other => true,
        }
    }

    fn is_address(&self, column: &Column) -> bool {
        self.kind == Kind::Device && column.property() == IP_ADDRESS
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
            Value::Text(text) if self.is_address(column) => text,
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
        self.ranges.clone_from(&ranges);
        self.merges = Merges::new(ranges);
    }

    /// Reads the next row: one of those in which the header is sought, or one of the table.
    ///
    /// # Errors
    /// [`ImportError`] if records or problems cannot be stored.
    pub(super) fn row(&mut self, row: Row<'_>) -> Result<(), ImportError> {
        if row.cells.iter().all(|(_, cell)| cell.is_blank()) {
            return Ok(());
        }
        match std::mem::replace(&mut self.header, HeaderState::NONE) {
            HeaderState::Searched(mut search) if search.includes(&row) => {
                let mut filled = row.clone();
                self.merges.fill(&mut filled, RowPlace::UpToHeader);
                search.add(row, &filled);
                self.header = HeaderState::Searched(search);
                Ok(())
            }
            HeaderState::Searched(search) => {
                self.end_search(search, true)?;
                self.row(row)
            }
            HeaderState::Found { header, rows_above, notice } => {
                self.row_below_header(&header, row)?;
                self.header = HeaderState::Found { header, rows_above, notice };
                Ok(())
            }
            missing @ HeaderState::Missing { .. } => {
                self.header = missing;
                Ok(())
            }
        }
    }

    /// Ends the search for the header, and reads the rows that were searched. `has_later_rows` tells
    /// whether the sheet has more rows.
    fn end_search(
        &mut self,
        search: HeaderSearch<'_>,
        has_later_rows: bool,
    ) -> Result<(), ImportError> {
        let found = match search.finish() {
            Ok(found) => found,
            Err(search) => {
                let proposed = search.report_missing(self.intake, has_later_rows)?;
                let headings = search.likely_headings();
                self.header = HeaderState::Missing { proposed, headings };
                return Ok(());
            }
        };
        // The rows are read again, so that merged cells give their values to those of the table.
        if self.context.options.header_row.is_none() {
            self.merges = Merges::new(std::mem::take(&mut self.ranges));
        }
        let mut rows = found.rows.into_iter();
        for mut row in rows.by_ref() {
            self.merges.fill(&mut row, RowPlace::UpToHeader);
            if row.row + 1 == found.line {
                self.notes = Notes::below(row.row);
                self.merges.end_header();
                self.header = HeaderState::Found {
                    header: Header::read(self.reader, self.intake, self.context.existing, &row)?,
                    rows_above: found.rows_above,
                    notice: found.notice,
                };
                break;
            }
        }
        for row in rows {
            self.row(row)?;
        }
        Ok(())
    }

    /// Reads the next row below the header, which is not blank.
    fn row_below_header(&mut self, header: &Header, mut row: Row<'_>) -> Result<(), ImportError> {
        let name_column = header.name_column();
        let only_column = match row.cells.as_slice() {
            [(column, _)] => Some(*column),
            _ => None,
        };
        self.merges.fill(&mut row, RowPlace::Table { name_column });
        let is_title = self.merges.is_title(row.row, only_column, name_column);
        if is_title && !self.existing.has(header, &row)? {
            self.notes.add_title(&row);
            return Ok(());
        }
        match self.examples.check(self.kind, header, &row) {
            ExampleCheck::Other => {}
            ExampleCheck::Example => {
                self.notes.pass(row.row);
                return self.check_replaced_example(header, &row);
            }
            ExampleCheck::Changed { column } => {
                self.notes.pass(row.row);
                let detail = format!(
                    "the row still has the name of the example, but column {column} has another \
                     value. Write the name of the {} to import the row, or delete the row",
                    self.kind
                );
                return self.refuse_row(header, &row, EXAMPLE_RULE, detail);
            }
        }
        let is_record = || self.existing.has(header, &row);
        match self.repeated_headers.check(header, self.reader, &row, is_record)? {
            HeaderCheck::Other => {}
            HeaderCheck::Repeated => {
                self.notes.pass(row.row);
                return Ok(());
            }
            HeaderCheck::Another { headings } => {
                self.notes.pass(row.row);
                let detail = format!(
                    "the row looks like the headings of another table: {headings}. Put each table \
                     into a sheet of its own, or delete the row"
                );
                return self.refuse_row(header, &row, "another-header", detail);
            }
        }
        match self.notes.role(header, row, |row| self.existing.has(header, row))? {
            RowRole::Record(row) => {
                for held in self.notes.release() {
                    self.record(header, &held)?;
                }
                self.record(header, &row)
            }
            RowRole::Held | RowRole::Sum => Ok(()),
        }
    }

    /// Reports the example of a template if the import would remove an existing record of its name.
    fn check_replaced_example(
        &mut self,
        header: &Header,
        row: &Row<'_>,
    ) -> Result<(), ImportError> {
        match self.context.replace {
            Replace::No => Ok(()),
            Replace::Yes | Replace::WithSheet if !self.existing.has(header, row)? => Ok(()),
            Replace::Yes | Replace::WithSheet => {
                let detail = format!(
                    "the row has the name of the example of templates, so it is left out, and the \
                     replacement would remove the {} of this name. Rename the {} first",
                    self.kind, self.kind
                );
                self.refuse_row(header, row, EXAMPLE_RULE, detail)
            }
        }
    }

    /// Reports a row that is no record and must not be left out.
    fn refuse_row(
        &mut self,
        header: &Header,
        row: &Row<'_>,
        rule: &'static str,
        detail: String,
    ) -> Result<(), ImportError> {
        self.rows += 1;
        let log = self.intake.log();
        let line = u64::from(row.row) + 1;
        let column = header.name_column().map_or_else(String::new, column_name);
        let name = name_of(header, row);
        let problem = Problem {
            value: name.as_deref().map(|name| ShownValue::of(&Value::from(name))),
            ..Problem::of(log.document(self.kind), Some("name"), rule, detail)
        };
        let location = DocumentLocation {
            row: Some(line),
            cell: Some(log.cell(self.kind, &column, line)),
            record: name,
            ..DocumentLocation::default()
        };
        log.count_rejected(self.kind);
        log.problem(&problem, location)
    }

    /// Ends the sheet. Returns its records, and the result of reading it.
    ///
    /// # Errors
    /// [`ImportError`] if a problem cannot be stored.
    pub(super) fn finish(mut self) -> Result<(KindRecords, SheetRead), ImportError> {
        let sheet = self.kind;
        match std::mem::replace(&mut self.header, HeaderState::NONE) {
            // A sheet of a workbook that is found by its name can be empty.
            HeaderState::Searched(search)
                if !search.has_rows() && self.context.selection == Selection::ByName => {}
            HeaderState::Searched(search) => self.end_search(search, false)?,
            other => self.header = other,
        }
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
        match &self.header {
            HeaderState::Found { header, rows_above, notice } => {
                read.describe(header, self.reader);
                if *rows_above > 0 {
                    read.notices.push(format!(
                        "sheet '{name}': the headings are in row {}. {} above the headings {} not read",
                        header.line,
                        counted(*rows_above, "row"),
                        if *rows_above == 1 { "was" } else { "were" },
                    ));
                }
                read.notices
                    .extend(notice.as_ref().map(|notice| format!("sheet '{name}': {notice}")));
                self.report_missing_ends(&read)?;
            }
            HeaderState::Searched(_) => {}
            HeaderState::Missing { proposed, headings } => {
                read.proposed = proposed.clone();
                read.headings.clone_from(headings);
            }
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
        read.notices.extend(self.repeated_headers.warning(&name));
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
        read.notices.extend(self.filled.warnings(&name));
        read.notices.extend(self.custom_case.warnings(&name));
        read.notices.extend(self.merges.warning(&name));
        read.notices.extend(self.notes.warnings(&name));
        // Only exports have a sheet of relations, and all their rows are records.
        if self.relations.is_none() {
            read.notices.extend(self.notes.only_names_warning(&name));
        }
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

    /// Reports new links without ends if other headings are probably their ends.
    fn report_missing_ends(&self, read: &SheetRead) -> Result<(), ImportError> {
        let ends = read.proposed.0.iter().filter(|(_, property)| {
            let property = self.kind.property(self.kind.unaliased(property));
            property.is_some_and(|property| matches!(property.type_, PropertyType::One(_)))
        });
        let pairs: Vec<String> =
            ends.map(|(heading, property)| format!("{heading}={property}")).collect();
        if self.new_links == 0 || pairs.is_empty() {
            return Ok(());
        }
        let log = self.intake.log();
        let detail = format!(
            "Sheet '{}': no column 'source_name' or 'destination_name', so {} would have no ends. Pass \
             `map` (--map '{}'), or leave the columns out with `ignore` (--ignore)",
            log.sheet_name(self.kind),
            counted(self.new_links, "new link"),
            pairs.join(",")
        );
        let problem = Problem::of(log.document(self.kind), None, "no-ends-column", detail);
        let row = read.report.header_row;
        log.unreadable(&problem, DocumentLocation { row, ..DocumentLocation::default() })
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
