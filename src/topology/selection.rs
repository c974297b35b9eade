//! Selects the sheets of a file to read, and the kind of the records of each.

use std::path::Path;

use super::{KINDS, ReadOptions, SourceFormat, TopologyError, Upload};
use crate::{
    codec::workbook::{DecodeLimits, Decoding, Item, SourceKind},
    model::Kind,
};

/// The sheets of a file to read, with the kind of their records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// The sheets whose names are kinds.
    ByName,
    /// The only sheet of a table.
    Table(Kind),
    /// One sheet of a workbook.
    Sheet {
        /// The number of the sheet, from 0.
        number: usize,
        kind: Kind,
    },
}

impl Selection {
    /// Selects the sheets of an upload. If the options contain a sheet or a kind, a first run of
    /// the decoder finds the sheet.
    ///
    /// # Errors
    /// - [`TopologyError::UnknownSheet`], [`TopologyError::SeveralSheets`],
    ///   [`TopologyError::KindMissing`] or [`TopologyError::NoSheet`] if the options select no sheet.
    /// - [`TopologyError::SheetOfTable`] if the options name a sheet of a table.
    /// - [`TopologyError::Decode`] if the file cannot be read as a workbook.
    pub(super) fn of(
        options: &ReadOptions,
        format: SourceFormat,
        decoder: &Path,
        upload: &Upload,
    ) -> Result<Self, TopologyError> {
        match (format, options.kind, &options.sheet) {
            (SourceFormat::Csv, _, Some(sheet)) => {
                Err(TopologyError::SheetOfTable { sheet: sheet.clone() })
            }
            (SourceFormat::Csv, Some(kind), None) => Ok(Self::Table(kind)),
            // The decoder refuses a table.
            (_, None, None) => Ok(Self::ByName),
            (SourceFormat::Xls | SourceFormat::Xlsx, Some(kind), None) => {
                SheetNames::read(decoder, upload, kind.as_str())?.of_kind(kind)
            }
            (SourceFormat::Xls | SourceFormat::Xlsx, kind, Some(sheet)) => {
                let kind = kind
                    .or_else(|| kind_of(sheet))
                    .ok_or_else(|| TopologyError::KindMissing { sheet: sheet.clone() })?;
                let number = SheetNames::read(decoder, upload, sheet)?.named(sheet)?;
                Ok(Self::Sheet { number, kind })
            }
        }
    }

    /// The kinds that the file can contain.
    pub(super) fn kinds(self) -> Vec<Kind> {
        match self {
            Self::ByName => KINDS.to_vec(),
            Self::Table(kind) | Self::Sheet { kind, .. } => vec![kind],
        }
    }

    /// The kind of the records of a sheet, by its number from 0 and its name. `None` if the sheet is
    /// not read.
    pub(super) fn kind(self, number: usize, name: &str) -> Option<Kind> {
        match self {
            Self::ByName => kind_of(name),
            Self::Table(kind) => Some(kind),
            Self::Sheet { number: selected, kind } => (number == selected).then_some(kind),
        }
    }

    /// The formats that the decoder accepts, and the order of the sheets.
    pub(super) fn source_kind(self) -> SourceKind {
        match self {
            Self::Table(_) => SourceKind::WorkbookOrTable,
            Self::ByName => SourceKind::WorkbookRelationsFirst,
            // The number of the sheet counts the tabs.
            Self::Sheet { .. } => SourceKind::Workbook,
        }
    }
}

/// The names of the sheets of a workbook.
#[derive(Debug, Default)]
struct SheetNames {
    /// The name of each sheet, and whether it has cells.
    sheets: Vec<(String, bool)>,
}

impl SheetNames {
    /// Decodes a workbook up to a sheet with exactly the name `wanted`, or to its end.
    fn read(decoder: &Path, upload: &Upload, wanted: &str) -> Result<Self, TopologyError> {
        let file = upload.file().map_err(TopologyError::of_io)?;
        let limits = DecodeLimits::default();
        let mut decoding = Decoding::start(decoder, file, SourceKind::Workbook, limits)?;
        let mut names = Self::default();
        while let Some(item) = decoding.next_item()? {
            match item {
                Item::Sheet(name) => {
                    names.sheets.push((name.to_owned(), false));
                    if name == wanted {
                        break;
                    }
                }
                Item::Merged(_) => {}
                Item::Row(_) => {
                    if let Some((_, has_cells)) = names.sheets.last_mut() {
                        *has_cells = true;
                    }
                }
            }
        }
        Ok(names)
    }

    /// Finds the sheet with this name: the exact name first, then in upper or lower case.
    fn named(self, wanted: &str) -> Result<usize, TopologyError> {
        let exact = self.sheets.iter().position(|(name, _)| name == wanted);
        let folded = |name: &str| name.trim().to_lowercase();
        let similar = || self.sheets.iter().position(|(name, _)| folded(name) == folded(wanted));
        exact.or_else(similar).ok_or_else(|| TopologyError::UnknownSheet {
            sheet: wanted.to_owned(),
            sheets: self.sheets.into_iter().map(|(name, _)| name).collect(),
        })
    }

    /// Selects the sheets by their names if one is named as the kind, or else the only sheet that has
    /// cells.
    fn of_kind(self, kind: Kind) -> Result<Selection, TopologyError> {
        if self.sheets.iter().any(|(name, _)| kind_of(name) == Some(kind)) {
            return Ok(Selection::ByName);
        }
        let used: Vec<usize> =
            (0..).zip(&self.sheets).filter(|(_, (_, used))| *used).map(|(at, _)| at).collect();
        let names = || used.iter().map(|at| self.sheets[*at].0.clone()).collect();
        match used.as_slice() {
            [] => Err(TopologyError::NoSheet { sheets: Vec::new() }),
            [only] => Ok(Selection::Sheet { number: *only, kind }),
            [_, _, ..] => Err(TopologyError::SeveralSheets { kind, sheets: names() }),
        }
    }
}

/// Returns the kind of the records of a sheet, by its name.
pub(super) fn kind_of(sheet: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| sheet.trim().eq_ignore_ascii_case(kind.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sheets: &[(&str, bool)]) -> SheetNames {
        let sheets = sheets.iter().map(|(name, used)| ((*name).to_owned(), *used)).collect();
        SheetNames { sheets }
    }

    #[test]
    fn a_sheet_is_found_by_its_name_or_because_it_is_the_only_one_with_cells() {
        let old_excel = || names(&[("Tabelle1", true), ("Tabelle2", false)]);
        let first = Selection::Sheet { number: 0, kind: Kind::Device };
        assert_eq!(old_excel().of_kind(Kind::Device).unwrap(), first);
        let several = || names(&[("Hinweise", true), ("Geräte", true), ("geräte ", true)]);
        let error = several().of_kind(Kind::Device).unwrap_err();
        assert!(matches!(error, TopologyError::SeveralSheets { sheets, .. } if sheets.len() == 3));
        assert_eq!(several().named("geräte ").unwrap(), 2);
        assert_eq!(several().named("GERÄTE").unwrap(), 1);
        let error = several().named("Gerate").unwrap_err();
        assert!(error.to_string().contains("no sheet 'Gerate'"), "{error}");
        let named = names(&[("x", true), ("Link", false)]);
        assert_eq!(named.of_kind(Kind::Link).unwrap(), Selection::ByName);
        let empty = names(&[("x", false)]).of_kind(Kind::Link);
        assert!(matches!(empty, Err(TopologyError::NoSheet { .. })));
    }
}
