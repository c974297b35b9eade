//! The export of devices and links: one moment of the inventory, as rows.

use std::{
    collections::{BTreeSet, HashMap},
    ops::ControlFlow,
    path::Path,
    time::Instant,
};

use super::{
    ExportReport, ExportRequest, KINDS, SheetReport, TopologyError,
    folder::Folder,
    header::{self, Meaning},
    report::Ignored,
    spelling,
};
use crate::{
    codec::workbook::{Cell, Format, WorkbookWriter, WriteError},
    model::{Entity, Kind, KindVisitor, Property, PropertyDefault, PropertyType, Secrets, View},
    store::{Picture, Store, StoreError, decode_body},
};

/// The properties that a person looks for first, in this order; the others follow by name, and
/// behind them the site's own.
const DEVICE_FIRST: [&str; 22] = [
    "name",
    "ip_address",
    "port",
    "type",
    "subtype",
    "vendor",
    "model",
    "operating_system",
    "os_version",
    "serial_number",
    "location",
    "latitude",
    "longitude",
    "description",
    "icon",
    "netmiko_driver",
    "napalm_driver",
    "scrapli_driver",
    "netconf_driver",
    "priority",
    "reachable",
    "down",
];
const LINK_FIRST: [&str; 10] = [
    "name",
    "source",
    "destination",
    "type",
    "subtype",
    "vendor",
    "model",
    "location",
    "description",
    "color",
];

/// Writes a workbook into the folder.
pub(super) fn export(
    store: &Store,
    folder: &Folder,
    request: &ExportRequest,
) -> Result<ExportReport, TopologyError> {
    let begun = Instant::now();
    let format = request.name.format();
    let picture = store.picture()?;
    let scratch = store.directory().scratch();
    let mut out = Out {
        workbook: WorkbookWriter::new(format, &scratch)?,
        format,
        picture: &picture,
        scratch: &scratch,
        warnings: Vec::new(),
    };
    // What does not fit is said before anything is written.
    for kind in KINDS {
        if picture.summary().kind(kind).count >= u64::from(format.rows_max()) {
            return Err(WriteError::Rows { sheet: kind.to_string(), format }.into());
        }
    }
    let mut sheets = Vec::new();
    for kind in KINDS {
        sheets.push(kind.dispatch(&mut out)?);
    }
    let Out { workbook, mut warnings, .. } = out;
    drop(picture);
    let mut aside = folder.create(&request.name)?;
    workbook.finish(&mut aside.file)?;
    let bytes = aside.file.metadata()?.len();
    folder.settle(aside, &request.name)?;
    warnings.sort();
    Ok(ExportReport {
        workbook: request.name.to_string(),
        format: format.ending(),
        sheets,
        bytes,
        warnings,
        download: String::new(),
        milliseconds: begun.elapsed().as_millis() as u64,
    })
}

/// A workbook that is being written.
struct Out<'a> {
    workbook: WorkbookWriter,
    format: Format,
    picture: &'a Picture,
    scratch: &'a Path,
    warnings: Vec<String>,
}

impl KindVisitor for &mut Out<'_> {
    type Output = Result<SheetReport, TopologyError>;

    /// Writes one kind's sheet.
    fn visit<E: Entity>(self) -> Self::Output {
        let columns = self.columns::<E>()?;
        let sheet = E::KIND.to_string();
        self.workbook.begin_sheet(&sheet, columns.iter().map(|column| column.heading.as_str()))?;
        let at: HashMap<&str, usize> =
            columns.iter().enumerate().map(|(at, column)| (column.property.as_str(), at)).collect();
        let mut rows = 0;
        let Out { workbook, picture, scratch, .. } = self;
        picture.each_in_order(E::KIND, scratch, |name, _, body| -> Result<_, TopologyError> {
            let record: E = decode(name, body)?;
            let mut cells = vec![Cell::Empty; columns.len()];
            for (property, view) in record.views(Secrets::LeftOut) {
                if let Some(at) = at.get(property) {
                    let Column { type_, default, .. } = columns[*at];
                    cells[*at] = spelling::cell(type_, default, &view);
                }
            }
            workbook.row(cells).map_err(|error| match error {
                WriteError::Text { column, units, .. } => TopologyError::CellLong {
                    kind: E::KIND,
                    record: record.name().as_str().to_owned(),
                    property: columns
                        .get(column as usize)
                        .map_or_else(String::new, |column| column.property.clone()),
                    units,
                },
                other => other.into(),
            })?;
            rows += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(SheetReport { sheet: E::KIND, rows, columns: columns.len() as u64 })
    }
}

/// A column that is written.
struct Column {
    property: String,
    heading: String,
    type_: PropertyType,
    default: PropertyDefault,
}

impl Out<'_> {
    /// The columns of a kind's sheet: every property of which some record says what is not an empty
    /// cell, but for secrets.
    fn columns<E: Entity>(&mut self) -> Result<Vec<Column>, TopologyError> {
        let mut typed = vec![false; E::PROPERTIES.len()];
        let mut custom = BTreeSet::new();
        let columns_max = self.format.columns_max() as usize;
        // The order makes no difference here.
        for entry in self.picture.scan_raw(E::KIND) {
            let (name, raw) = entry?;
            let record: E = decode(&name, raw.body())?;
            for (property, view) in record.views(Secrets::LeftOut) {
                match E::PROPERTIES.binary_search_by(|known| known.name.cmp(property)) {
                    Ok(at) => typed[at] |= is_said(&E::PROPERTIES[at], &view),
                    Err(_) if !custom.contains(property) => {
                        custom.insert(property.to_owned());
                        if custom.len() > columns_max {
                            let sheet = E::KIND.to_string();
                            return Err(WriteError::Columns { sheet, format: self.format }.into());
                        }
                    }
                    Err(_) => {}
                }
            }
        }
        let said = E::PROPERTIES.iter().zip(typed);
        let is_name = |property: &Property| property.type_ == PropertyType::Name;
        // A sheet without records has its column for names all the same.
        let mut said: Vec<&'static Property> = said
            .filter_map(|(property, said)| (said || is_name(property)).then_some(property))
            .collect();
        let first: &[&str] = match E::KIND {
            Kind::Link => &LINK_FIRST,
            _ => &DEVICE_FIRST,
        };
        let place = |property: &Property| first.iter().position(|name| *name == property.name);
        said.sort_by_key(|property| place(property).unwrap_or(first.len()));
        let mut columns: Vec<Column> = said
            .into_iter()
            .map(|property| Column {
                property: property.name.to_owned(),
                heading: header::heading_of(E::KIND, property.name).to_owned(),
                type_: property.type_,
                default: property.default,
            })
            .collect();
        for property in custom {
            if self.is_written::<E>(&property) {
                columns.push(Column {
                    heading: property.clone(),
                    property,
                    type_: PropertyType::Any,
                    default: PropertyDefault::None,
                });
            }
        }
        Ok(columns)
    }

    /// Whether a property of the site's own is written. What will not come back from its column is
    /// said.
    fn is_written<E: Entity>(&mut self, property: &str) -> bool {
        let kind = E::KIND;
        let warning = match header::meaning::<E>(property.trim()) {
            Meaning::Ignored(Ignored::Secret) => {
                self.warnings.push(format!(
                    "the property '{property}' of {kind}s is called like a secret, and was left \
                     out"
                ));
                return false;
            }
            _ if property.trim().is_empty() => format!(
                "a property of {kind}s has a name of nothing but blanks: an import ignores its \
                 column"
            ),
            Meaning::Custom if property.trim() == property && header::fits(property) => {
                return true;
            }
            Meaning::Custom => format!(
                "the property '{property}' of {kind}s has a name that no column can have: an \
                 import takes it for another one, or refuses it"
            ),
            Meaning::Property(known) => format!(
                "the property '{property}' of {kind}s is not the property '{}', but an import \
                 takes its column for that one",
                known.name
            ),
            Meaning::Ignored(ignored) => format!(
                "the property '{property}' of {kind}s is one of the site's own, but an import \
                 ignores its column: {}",
                ignored.why()
            ),
        };
        self.warnings.push(warning);
        true
    }
}

/// Whether a property has a cell.
fn is_said(property: &Property, view: &View<'_>) -> bool {
    match view {
        // Only a text can be an empty cell; of others no cell needs to be made.
        View::Text(_) => {
            !matches!(spelling::cell(property.type_, property.default, view), Cell::Empty)
        }
        View::Null
        | View::Bool(_)
        | View::Int(_)
        | View::Float(_)
        | View::Texts(_)
        | View::Value(_) => true,
    }
}

fn decode<E: Entity>(name: &[u8], body: &[u8]) -> Result<E, StoreError> {
    decode_body(body).map_err(|error| StoreError::Corrupt {
        kind: E::KIND,
        name: String::from_utf8_lossy(name).into_owned(),
        detail: error.to_string(),
    })
}
