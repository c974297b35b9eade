//! The formats that are accepted for a file.

/// The formats that are accepted for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A workbook; the first bytes determine the format.
    Workbook,
    /// A workbook, or a table of comma-separated values if the first bytes match no workbook format.
    WorkbookOrTable,
}

impl SourceKind {
    const ALL: [Self; 2] = [Self::Workbook, Self::WorkbookOrTable];

    /// The command-line argument for the child process.
    pub(super) fn as_argument(self) -> &'static str {
        match self {
            Self::Workbook => "workbook",
            Self::WorkbookOrTable => "table",
        }
    }

    pub(super) fn of_argument(argument: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_argument() == argument)
    }
}
