//! A whole project, in or out.

mod name;
mod shelf;

pub use name::{NameError, PROJECT_NAME_CHARACTERS_MAX, ProjectName};
pub use shelf::{
    BUNDLE_BYTES_MAX, BundleFile, DocumentSummary, FileProblem, Layout, NewBundle, Project,
    ProjectSummary, Shelf, ShelfError, Upload,
};
