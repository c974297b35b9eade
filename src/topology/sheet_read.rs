//! The result of reading a sheet.

use super::{
    ProposedMapping,
    header::{Header, HeadingReader},
    report::{CustomColumn, IgnoredColumn, SheetReport},
};

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

impl SheetRead {
    /// Describes the columns of the sheet.
    pub(super) fn describe(&mut self, header: &Header, reader: HeadingReader<'_>) {
        let sheet = self.report.sheet;
        self.headings.extend(header.headings().map(str::to_owned));
        let custom = header.custom(sheet).filter(|(column, _)| column.mapped.is_none());
        let taken = header.properties().map(|column| column.property().to_owned());
        self.proposed = reader.propose(custom.map(|(column, _)| column.heading.as_str()), taken);
        self.report.header_row = Some(header.line);
        self.report.columns = header.properties().count() as u64;
        self.has_ends = header.has_ends();
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
