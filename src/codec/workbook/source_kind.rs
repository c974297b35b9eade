//! Which formats a file is read as.

/// Which formats a file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A workbook. Its first bytes say in which format.
    Workbook,
    /// The same. If its first bytes are those of no workbook, a table of comma-separated values.
    WorkbookOrTable,
}

impl SourceKind {
    const ALL: [Self; 2] = [Self::Workbook, Self::WorkbookOrTable];

    /// The argument that tells a child process.
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
