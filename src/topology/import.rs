//! Imports a workbook: its sheets, and the part of the report that is specific to workbooks.

use std::path::Path;

use super::{
    ImportReport, ImportRequest, Imported, KINDS, ProposedMapping, Replace, SheetReport,
    SourceFormat, TopologyError, Upload, header,
    mapping::is_same,
    relations::{self, RelationSheet},
    report::Ignored,
    selection::{Selection, kind_of},
    sheet::{Sheet, SheetContext},
    sheet_read::SheetRead,
};
use crate::{
    codec::workbook::{DecodeLimits, Decoding, Item},
    import::{
        self, Decoded, DocumentLocation, Emptying, ImportError, ImportOptions, ImportRun, Intake,
        KindRecords, Log, Merging, PrincipalRecord, Problem, SmallImport,
    },
    job::Step,
    model::{Kind, nearest},
    store::{Origin, Store},
};

/// The longest list of sheets or columns in a report.
const NAMED_MAX: usize = 100;

/// Imports a workbook. A dry run only reports the changes.
pub(super) fn import(
    store: &Store,
    decoder: &Path,
    upload: &Upload,
    request: &ImportRequest,
    origin: &Origin,
    log: &Log,
) -> Result<ImportReport, TopologyError> {
    let format = upload.format().map_err(TopologyError::of_io)?;
    log.progress().step(Step::Decoding, None)?;
    let selection = Selection::of(&request.reading, format, decoder, upload)?;
    let kinds = selection.kinds();
    let options = ImportOptions {
        what: match selection {
            Selection::Table(_) => "table",
            Selection::ByName | Selection::Sheet { .. } => "workbook",
        },
        kinds: &kinds,
        emptying: match request.replace {
            Replace::Yes => Emptying::Listed,
            Replace::WithSheet => Emptying::Present,
            Replace::No => Emptying::Nothing,
        },
        empty_replacement: request.empty_replacement,
        on_error: request.on_error,
        mode: request.mode,
        small: SmallImport::DEFAULT,
        origin,
        merging: Merging::MergeRecords,
        principal_record: PrincipalRecord::Kept,
        kept_by_replacement: Some(|kind, property| !header::is_carried(kind, property)),
    };
    let existing = store.read();
    let mut read = Read::new(SheetContext {
        options: &request.reading,
        selection,
        replace: request.replace,
        existing: &existing,
    });
    let decoded = read.decode(store, decoder, upload, log)?;
    let run = import::apply(store, &options, log, decoded)?;
    read.warn(&run, log);
    Ok(run.report(read.imported(request.file_name.clone(), format, log), &kinds, log))
}

/// The sheets of a workbook that were read, and those that were ignored.
struct Read<'r> {
    context: SheetContext<'r>,
    sheets: Vec<SheetRead>,
    ignored_sheets: Vec<String>,
    /// The sheets of relations. The decoder sends them before the sheets of the kinds.
    relations: Vec<RelationSheet>,
}

/// The sheet that is being read.
enum CurrentSheet<'i, 'a> {
    Kind(Box<Sheet<'i, 'a>>),
    /// The last one of [`Read::relations`].
    Relations,
    Ignored,
}

impl<'r> Read<'r> {
    fn new(context: SheetContext<'r>) -> Self {
        Self { context, sheets: Vec::new(), ignored_sheets: Vec::new(), relations: Vec::new() }
    }

    /// The first step of the import: converts rows to records while the child process reads further
    /// rows.
    fn decode(
        &mut self,
        store: &Store,
        decoder: &Path,
        upload: &Upload,
        log: &Log,
    ) -> Result<Decoded, TopologyError> {
        let kind = self.context.selection.source_kind();
        let intake = Intake::new(store.vault(), log);
        let file = upload.file().map_err(TopologyError::of_io)?;
        let mut decoding = Decoding::start(decoder, file, kind, DecodeLimits::default())?;
        let mut kinds = Vec::new();
        let mut sheet = CurrentSheet::Ignored;
        let mut number = 0;
        while let Some(item) = decoding.next_item()? {
            log.progress().check()?;
            match item {
                Item::Sheet(name) => {
                    self.end(sheet, &mut kinds)?;
                    sheet = self.begin(&intake, number, name, &kinds)?;
                    number += 1;
                }
                Item::Merged(ranges) => match &mut sheet {
                    CurrentSheet::Kind(sheet) => sheet.merged(ranges),
                    CurrentSheet::Relations | CurrentSheet::Ignored => {}
                },
                Item::Row(row) => match &mut sheet {
                    CurrentSheet::Kind(sheet) => sheet.row(row)?,
                    CurrentSheet::Relations => {
                        if let Some(relations) = self.relations.last_mut() {
                            relations.row(log, &row)?;
                        }
                    }
                    CurrentSheet::Ignored => {}
                },
            }
        }
        self.end(sheet, &mut kinds)?;
        for unused in &self.relations {
            unused.warn_of_unused(log);
        }
        if kinds.is_empty() {
            return Err(TopologyError::NoSheet {
                sheets: std::mem::take(&mut self.ignored_sheets),
            });
        }
        let sorted = kinds.into_iter().map(|(_, records)| records.finish());
        Ok(intake.finish(sorted.collect::<Result<_, _>>()?)?)
    }

    /// Begins the sheet with this number, from 0. It is ignored if it is not a sheet of devices or
    /// links or of their relations, or if it is the second sheet of its name.
    fn begin<'i, 'a>(
        &mut self,
        intake: &'i Intake<'a>,
        number: usize,
        name: &str,
        kinds: &[(Kind, KindRecords)],
    ) -> Result<CurrentSheet<'i, 'a>, ImportError>
    where
        'r: 'i,
    {
        let Some(kind) = self.context.selection.kind(number, name) else {
            let of_kind =
                relations::kind_of(name).filter(|_| self.context.selection == Selection::ByName);
            return Ok(match of_kind {
                Some(kind) if self.relations.iter().all(|sheet| sheet.kind != kind) => {
                    self.relations.push(RelationSheet::new(kind));
                    CurrentSheet::Relations
                }
                Some(_) | None => {
                    self.ignored_sheets.push(name.to_owned());
                    CurrentSheet::Ignored
                }
            });
        };
        if kinds.iter().any(|(known, _)| *known == kind) {
            let log = intake.log();
            let detail = format!(
                "the workbook has another sheet '{kind}'. Rename or remove the sheet '{name}'"
            );
            let problem = Problem::of(log.document(kind), None, "duplicate-sheet", detail);
            log.unreadable(&problem, DocumentLocation::default())?;
            return Ok(CurrentSheet::Ignored);
        }
        // The sheet of a table has no name.
        if !name.is_empty() && kind_of(name) != Some(kind) {
            intake.log().set_sheet_name(kind, name);
        }
        let relations = self.relations.iter().position(|sheet| sheet.kind == kind);
        let relations = relations.map(|at| self.relations.swap_remove(at));
        Ok(CurrentSheet::Kind(Box::new(Sheet::new(kind, intake, self.context, relations))))
    }

    fn end(
        &mut self,
        sheet: CurrentSheet<'_, '_>,
        kinds: &mut Vec<(Kind, KindRecords)>,
    ) -> Result<(), ImportError> {
        if let CurrentSheet::Kind(sheet) = sheet {
            let kind = sheet.kind;
            let (records, read) = sheet.finish()?;
            kinds.push((kind, records));
            self.sheets.push(read);
        }
        Ok(())
    }

    /// Adds warnings about sheets and columns that were ignored.
    fn warn(&self, run: &ImportRun, log: &Log) {
        self.warn_of_unused_mapping(log);
        let why_ignored = match self.context.selection {
            Selection::ByName => "its name is not 'device' or 'link'",
            Selection::Table(_) | Selection::Sheet { .. } => "another sheet was selected",
        };
        for sheet in self.ignored_sheets.iter().take(NAMED_MAX) {
            log.warn(format!("sheet '{sheet}' was ignored: {why_ignored}"));
        }
        let is_there = |kind: Kind| self.sheets.iter().any(|sheet| sheet.report.sheet == kind);
        let is_by_name = self.context.selection == Selection::ByName;
        for kind in KINDS.into_iter().filter(|kind| is_by_name && !is_there(*kind)) {
            run.warn_of_absent(kind, &format!("the workbook has no sheet '{kind}'"), log);
        }
        for sheet in &self.sheets {
            let kind = sheet.report.sheet;
            sheet.notices.iter().for_each(|notice| log.warn(notice.clone()));
            let name = log.sheet_name(kind);
            for column in sheet.custom_columns.iter().take(NAMED_MAX) {
                if let Some(nearest) = column.nearest {
                    log.warn(format!(
                        "unknown property '{}' (column of sheet '{name}') saved as a custom property. \
                         Did you mean '{nearest}'?",
                        column.name
                    ));
                }
            }
            warn_of_ignored(sheet, &name, log);
            warn_of_proposal(sheet, log);
            if kind == Kind::Link && !sheet.has_ends && sheet.report.rows > 0 {
                log.warn(format!(
                    "sheet '{name}' has no column 'source_name' or 'destination_name': new links will \
                     have no ends"
                ));
            }
        }
    }

    /// Warns of headings in the mapping of the request that no sheet has.
    fn warn_of_unused_mapping(&self, log: &Log) {
        let headings: Vec<&str> =
            self.sheets.iter().flat_map(|sheet| &sheet.headings).map(String::as_str).collect();
        if headings.is_empty() {
            return;
        }
        for (heading, property) in self.context.options.mapping.unused(&headings).take(NAMED_MAX) {
            let is_heading = |other: &str| headings.iter().any(|known| is_same(known, other));
            let advice = match (property, nearest(heading, headings.iter().copied())) {
                (Some(property), _) if is_heading(property) => {
                    format!(". Write the heading first: '{property}={heading}'")
                }
                (_, Some(nearest)) => format!(". Did you mean '{nearest}'?"),
                (_, None) => String::new(),
            };
            let purpose = match property {
                Some(property) => format!("mapped to '{property}'"),
                None => "to be ignored".to_owned(),
            };
            log.warn(format!("no sheet has the heading '{heading}', which is {purpose}{advice}"));
        }
    }

    fn imported(self, workbook: Option<String>, format: SourceFormat, log: &Log) -> Imported {
        let mut imported = Imported {
            workbook,
            format,
            sheets: Vec::new(),
            custom_columns: Vec::new(),
            ignored_columns: Vec::new(),
            proposed_mapping: ProposedMapping::default(),
            ignored_sheets: self.ignored_sheets,
        };
        for sheet in self.sheets {
            let kind = sheet.report.sheet;
            let name = Some(log.sheet_name(kind)).filter(|name| name != kind.as_str());
            imported.sheets.push(SheetReport { name, ..sheet.report });
            imported.custom_columns.extend(sheet.custom_columns);
            imported.ignored_columns.extend(sheet.ignored_columns);
            imported.proposed_mapping.0.extend(sheet.proposed.0);
        }
        imported.custom_columns.truncate(NAMED_MAX);
        imported.ignored_columns.truncate(NAMED_MAX);
        imported.proposed_mapping.0.truncate(NAMED_MAX);
        imported.ignored_sheets.truncate(NAMED_MAX);
        imported
    }
}

/// Warns of columns that were ignored, those of one reason together.
fn warn_of_ignored(sheet: &SheetRead, name: &str, log: &Log) {
    let mut by_reason: Vec<(Ignored, Vec<String>)> = Vec::new();
    for column in sheet.ignored_columns.iter().take(NAMED_MAX) {
        let shown = match column.reason {
            Ignored::Unnamed => column.column.clone(),
            Ignored::Secret
            | Ignored::Request
            | Ignored::Computed
            | Ignored::LongText
            | Ignored::Problems => format!("'{}'", column.name),
        };
        match by_reason.iter_mut().find(|(reason, _)| *reason == column.reason) {
            Some((_, columns)) => columns.push(shown),
            None => by_reason.push((column.reason, vec![shown])),
        }
    }
    for (reason, columns) in by_reason {
        log.warn(match columns.as_slice() {
            [only] => {
                format!("column {only} of sheet '{name}' was ignored: {}", reason.why())
            }
            several => format!(
                "columns {} of sheet '{name}' were ignored: {}",
                several.join(", "),
                reason.why_several()
            ),
        });
    }
}

/// Warns that a mapping is proposed for headings of a sheet, unless the warning about a custom column
/// names the property.
fn warn_of_proposal(sheet: &SheetRead, log: &Log) {
    let is_said = |heading: &str, property: &str| {
        let nearest = sheet.custom_columns.iter().find(|column| column.name == heading);
        nearest.is_some_and(|column| column.nearest == Some(property))
    };
    let pairs = sheet.proposed.0.iter().filter(|(heading, property)| !is_said(heading, property));
    let pairs: Vec<_> =
        pairs.take(NAMED_MAX).map(|(heading, property)| format!("{heading}={property}")).collect();
    if !pairs.is_empty() {
        log.warn(format!(
            "sheet '{}': headings that may be properties: {}. Pass them as `map` (--map) if that is \
             right",
            log.sheet_name(sheet.report.sheet),
            pairs.join(",")
        ));
    }
}
