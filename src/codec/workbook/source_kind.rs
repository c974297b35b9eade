//! The formats that are accepted for a file, and the order of its sheets.

/// The end of the names of sheets that belong to the rows of other sheets: `device relations`.
pub const RELATIONS_SUFFIX: &str = " relations";

/// The formats that are accepted for a file, and the order in which its sheets are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A workbook; the first bytes determine the format.
    Workbook,
    /// A workbook. The sheets whose names end with [`RELATIONS_SUFFIX`] come before the others, so
    /// that each row of another sheet can be read together with theirs.
    WorkbookRelationsFirst,
    /// A workbook, or a table of comma-separated values if the first bytes match no workbook format.
    WorkbookOrTable,
}

impl SourceKind {
    const ALL: [Self; 3] = [Self::Workbook, Self::WorkbookRelationsFirst, Self::WorkbookOrTable];

    /// The command-line argument for the child process.
    pub(super) fn as_argument(self) -> &'static str {
        match self {
            Self::Workbook => "workbook",
            Self::WorkbookRelationsFirst => "relations-first",
            Self::WorkbookOrTable => "table",
        }
    }

    pub(super) fn of_argument(argument: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_argument() == argument)
    }

    /// Sorts the names of sheets in the order of their tabs into the order in which they are read.
    pub(super) fn sort_sheets(self, names: &mut [String]) {
        match self {
            // The sort is stable.
            Self::WorkbookRelationsFirst => names.sort_by_key(|name| !is_of_relations(name)),
            Self::Workbook | Self::WorkbookOrTable => {}
        }
    }
}

fn is_of_relations(sheet: &str) -> bool {
    sheet.trim().to_lowercase().ends_with(RELATIONS_SUFFIX)
}
