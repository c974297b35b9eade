//! The import of a workbook: its sheets, and what is said of it beside what every import says.

use std::path::Path;

use super::{
    ImportReport, ImportRequest, Imported, KINDS, Replace, SourceFormat, TopologyError, Upload,
    report::Ignored,
    sheet::{Sheet, SheetRead},
};
use crate::{
    codec::workbook::{DecodeLimits, Decoding, Item, SourceKind},
    import::{
        self, Decoded, DocumentLocation, Emptying, ImportError, ImportOptions, ImportRun, Intake,
        KindRecords, Log, Problem,
    },
    job::Step,
    model::Kind,
    store::Store,
};

/// How many of the sheets and columns that were passed over a report names, of each list.
const NAMED_MAX: usize = 100;

/// Imports a workbook, or says what an import would do.
pub(super) fn import(
    store: &Store,
    decoder: &Path,
    upload: &Upload,
    request: &ImportRequest,
    caller: &str,
    log: &Log,
) -> Result<ImportReport, TopologyError> {
    let format = upload.format()?;
    let table = request.table.filter(|_| format == SourceFormat::Csv);
    let kinds = table.map_or(KINDS.to_vec(), |kind| vec![kind]);
    let options = ImportOptions {
        what: if table.is_some() { "table" } else { "workbook" },
        kinds: &kinds,
        emptying: match request.replace {
            Replace::Yes => Emptying::Listed,
            Replace::WithSheet => Emptying::Present,
            Replace::No => Emptying::Nothing,
        },
        empty_replacement: request.empty_replacement,
        on_error: request.on_error,
        mode: request.mode,
        principal: caller,
    };
    let mut read = Read { table, ..Read::default() };
    let decoded = read.decode(store, decoder, upload, log)?;
    let run = import::apply(store, &options, log, decoded)?;
    read.warn(&run, log);
    Ok(run.report(read.imported(request.file_name.clone(), format), &kinds, log))
}

/// What was read of a workbook, and what was passed over.
#[derive(Default)]
struct Read {
    /// What the rows of the one sheet of a table are.
    table: Option<Kind>,
    sheets: Vec<SheetRead>,
    ignored_sheets: Vec<String>,
}

impl Read {
    /// The first step: rows become records while the child reads on.
    fn decode(
        &mut self,
        store: &Store,
        decoder: &Path,
        upload: &Upload,
        log: &Log,
    ) -> Result<Decoded, TopologyError> {
        let kind = match self.table {
            Some(_) => SourceKind::WorkbookOrTable,
            None => SourceKind::Workbook,
        };
        log.progress().step(Step::Decoding, None)?;
        let intake = Intake::new(store.vault(), log);
        let mut decoding = Decoding::start(decoder, upload.file()?, kind, DecodeLimits::default())?;
        let mut kinds = Vec::new();
        let mut sheet: Option<Sheet<'_, '_>> = None;
        while let Some(item) = decoding.next_item()? {
            log.progress().check()?;
            match item {
                Item::Sheet(name) => {
                    self.end(sheet.take(), &mut kinds);
                    sheet = self.begin(&intake, name, &kinds)?;
                }
                Item::Row(row) => {
                    if let Some(sheet) = &mut sheet {
                        sheet.row(&row)?;
                    }
                }
            }
        }
        self.end(sheet, &mut kinds);
        if kinds.is_empty() {
            return Err(TopologyError::NoSheet {
                sheets: std::mem::take(&mut self.ignored_sheets),
            });
        }
        let sorted = kinds.into_iter().map(|(_, records)| records.finish());
        Ok(intake.finish(sorted.collect::<Result<_, _>>()?)?)
    }

    /// Begins with a sheet, unless it is none of devices or links.
    fn begin<'i, 'a>(
        &mut self,
        intake: &'i Intake<'a>,
        name: &str,
        kinds: &[(Kind, KindRecords)],
    ) -> Result<Option<Sheet<'i, 'a>>, ImportError> {
        let Some(kind) = self.table.or_else(|| kind_of(name)) else {
            self.ignored_sheets.push(name.to_owned());
            return Ok(None);
        };
        if kinds.iter().any(|(known, _)| *known == kind) {
            let log = intake.log();
            let detail = format!(
                "the workbook has another sheet '{kind}': rename this one, '{name}', or remove it"
            );
            let problem = Problem::of(log.document(kind), None, "duplicate-sheet", detail);
            log.unreadable(&problem, DocumentLocation::default())?;
            return Ok(None);
        }
        Ok(Some(Sheet::new(kind, intake)))
    }

    fn end(&mut self, sheet: Option<Sheet<'_, '_>>, kinds: &mut Vec<(Kind, KindRecords)>) {
        if let Some(sheet) = sheet {
            let kind = sheet.kind;
            let (records, read) = sheet.finish();
            kinds.push((kind, records));
            self.sheets.push(read);
        }
    }

    /// What the caller should know of the workbook.
    fn warn(&self, run: &ImportRun, log: &Log) {
        for sheet in self.ignored_sheets.iter().take(NAMED_MAX) {
            log.warn(format!("the sheet '{sheet}' is neither 'device' nor 'link': it was ignored"));
        }
        let is_there = |kind: Kind| self.sheets.iter().any(|sheet| sheet.report.sheet == kind);
        for kind in KINDS.into_iter().filter(|kind| self.table.is_none() && !is_there(*kind)) {
            run.warn_of_absent(kind, &format!("the workbook has no sheet '{kind}'"), log);
        }
        for sheet in &self.sheets {
            let kind = sheet.report.sheet;
            for column in sheet.custom_columns.iter().take(NAMED_MAX) {
                if let Some(nearest) = column.nearest {
                    log.warn(format!(
                        "the column '{}' of the sheet '{kind}' became a property of the site's \
                         own; was '{nearest}' meant?",
                        column.name
                    ));
                }
            }
            for column in sheet.ignored_columns.iter().take(NAMED_MAX) {
                let name = match column.reason {
                    Ignored::Unnamed => column.column.clone(),
                    Ignored::Secret | Ignored::Computed | Ignored::LongText | Ignored::Problems => {
                        format!("'{}'", column.name)
                    }
                };
                log.warn(format!(
                    "the column {name} of the sheet '{kind}' was ignored: {}",
                    column.reason.why()
                ));
            }
            if kind == Kind::Link && !sheet.has_ends && sheet.report.rows > 0 {
                log.warn(
                    "the sheet 'link' has neither 'source_name' nor 'destination_name': links that \
                     are new connect nothing"
                        .to_owned(),
                );
            }
        }
    }

    fn imported(self, workbook: Option<String>, format: SourceFormat) -> Imported {
        let mut imported = Imported {
            workbook,
            format,
            sheets: Vec::new(),
            custom_columns: Vec::new(),
            ignored_columns: Vec::new(),
            ignored_sheets: self.ignored_sheets,
        };
        for sheet in self.sheets {
            imported.sheets.push(sheet.report);
            imported.custom_columns.extend(sheet.custom_columns);
            imported.ignored_columns.extend(sheet.ignored_columns);
        }
        imported.custom_columns.truncate(NAMED_MAX);
        imported.ignored_columns.truncate(NAMED_MAX);
        imported.ignored_sheets.truncate(NAMED_MAX);
        imported
    }
}

/// The kind that a sheet of this name holds.
pub(super) fn kind_of(sheet: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| sheet.trim().eq_ignore_ascii_case(kind.as_str()))
}
