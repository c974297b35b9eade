//! The kind of problem for each error of an operation.

use std::{borrow::Cow, io};

use super::{Flaw, Problem, ProblemKind, RequestLocation, retry_after, sentence, shorten};
use crate::{
    access::{LoginError, NewPasswordError, PasswordError, SetupError, TokenError, TokensError},
    backup::BackupError,
    codec::{
        bundle::{BundleError, WriteError},
        json::{JsonError, JsonFault},
        workbook::DecodeError,
    },
    feeds::{FeedError, FeedRequest},
    http::blocking::BlockingError,
    import::ImportError,
    inventory::InventoryError,
    migration::{LibraryError, MigrationError},
    store::StoreError,
    topology::TopologyError,
};

impl From<BlockingError> for Problem {
    fn from(error: BlockingError) -> Self {
        let detail = match error {
            BlockingError::Panicked | BlockingError::NoThread(_) => return Self::internal(&error),
            BlockingError::Busy => "Too many requests of this kind are waiting. Try again later.",
            BlockingError::ShuttingDown => "The server is shutting down.",
        };
        Self::unavailable(detail)
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => Self::unauthenticated("The user name or the password is wrong."),
            LoginError::PublicPassword => Self::unauthenticated(
                "This password is public: it is the user's name or one of the most common passwords. It \
                 works on the server's machine only, while no other machine can reach the server. Set \
                 another one there with satchel passwd.",
            ),
            LoginError::LdapUnavailable => Self::unavailable(
                "The server that checks this password cannot be reached at the moment. Users with a \
                 password in the inventory can log in.",
            ),
            LoginError::Token(refusal) => Self::unauthenticated(sentence(&refusal)),
            LoginError::Locked { subject, wait } => {
                // Rounded up, so that the next attempt is not too early.
                let seconds = wait.as_secs() + 1;
                let (name, value) = retry_after(seconds);
                let detail = format!("Too many failed logins {subject}. Try again in {seconds} s.");
                Self::new(ProblemKind::TooManyFailedLogins, detail).with_header(name, value)
            }
            LoginError::SessionEnded => {
                Self::unauthenticated("The session has ended. Log in again.")
            }
            LoginError::SeveralSessions => Self::unauthenticated(
                "The browser sent the cookies of several sessions of this server. Delete the cookies of \
                 this host, and log in again.",
            ),
            LoginError::NoRandomness(_) => Self::internal(&error),
            LoginError::Accounts(error) => match error.store_error() {
                Some(error) => Self::of(of_store(error), error).with_damage(Some(error)),
                None => Self::internal(&error),
            },
        }
    }
}

impl From<SetupError> for Problem {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::WrongCode => Self::new(
                ProblemKind::Forbidden,
                "The code of the set-up link is wrong, or was used before. The log of the server \
                 shows the current link.",
            ),
            SetupError::Password(error) => error.into(),
        }
    }
}

impl From<NewPasswordError> for Problem {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Login(error) => error.into(),
            NewPasswordError::Password(error) => error.into(),
            NewPasswordError::Unchanged | NewPasswordError::OtherServer(_) => {
                Self::of(ProblemKind::ChangeRejected, &error)
            }
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Refused(rule) => Self::new(ProblemKind::ChangeRejected, sentence(&rule)),
            PasswordError::Name(rule) => Self::new(ProblemKind::ChangeRejected, sentence(&rule)),
            PasswordError::Store(error) => {
                Self::of(of_store(&error), &error).with_damage(Some(&error))
            }
            PasswordError::Hash(error) => Self::internal(&error),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let kind = match &error {
            TokenError::Name(_)
            | TokenError::NameLong
            | TokenError::NameTaken { .. }
            | TokenError::TooManyOfUser(_)
            | TokenError::TooMany => ProblemKind::ChangeRejected,
            TokenError::Store(error) => of_store(error),
            TokenError::NotFound(_) => ProblemKind::UnknownToken,
            TokenError::NoRandomness(_)
            | TokenError::File(TokensError::Damaged { .. } | TokensError::Newer { .. }) => {
                return Self::internal(&error);
            }
            TokenError::File(
                TokensError::Read { source, .. } | TokensError::Write { source, .. },
            ) => of_io(source),
        };
        Self::of(kind, &error)
    }
}

impl From<MigrationError> for Problem {
    fn from(error: MigrationError) -> Self {
        let kind = match &error {
            MigrationError::Library(error) => match error {
                LibraryError::NotFound { .. } => ProblemKind::UnknownProject,
                LibraryError::Bundle(BundleError::Io(error))
                | LibraryError::Io { source: error, .. } => of_io(error),
                LibraryError::Bundle(_) | LibraryError::File { .. } => ProblemKind::BundleRefused,
                LibraryError::FolderHasNoFile { .. } | LibraryError::InTheWay { .. } => {
                    ProblemKind::ProjectState
                }
                LibraryError::Long => ProblemKind::BodyTooLarge,
                LibraryError::DiskFull | LibraryError::FileSizeLimit => ProblemKind::DiskFull,
            },
            MigrationError::Store(error) => of_store(error),
            MigrationError::Import(error) => of_import(error),
            MigrationError::Read { source: error, .. }
            | MigrationError::Sample { source: error, .. }
            | MigrationError::Write(
                WriteError::Io(error) | WriteError::Document { source: error, .. },
            ) => of_io(error),
            MigrationError::Write(WriteError::Twice(_) | WriteError::Unfinished(_))
            | MigrationError::Metadata(_)
            | MigrationError::Time(_)
            | MigrationError::Panicked => ProblemKind::Internal,
        };
        let problem = Self::of(kind, &error).with_damage(match &error {
            MigrationError::Store(error) | MigrationError::Import(ImportError::Store(error)) => {
                Some(error)
            }
            _ => None,
        });
        match error {
            MigrationError::Library(LibraryError::Bundle(refused)) => problem.with_bundle(&refused),
            MigrationError::Import(ImportError::EmptyReplacement(kinds)) => {
                problem.with_empty_kinds(kinds)
            }
            _ => problem,
        }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        let (kind, parameter) = match &error {
            FeedError::Inventory(_) => (ProblemKind::Internal, None),
            FeedError::UnknownFeed { .. } => (ProblemKind::UnknownFeed, None),
            FeedError::NoSingleHost { .. } | FeedError::UnknownHost { .. } => {
                (ProblemKind::UnknownHostInFeed, None)
            }
            FeedError::WrongOption { option, .. }
            | FeedError::RepeatedOption { option, .. }
            | FeedError::MissingOption { option, .. } => {
                (ProblemKind::MalformedRequest, Some(option.name().to_owned()))
            }
            FeedError::UnknownGroup { parameter, .. } => {
                (ProblemKind::WrongValue, Some((*parameter).to_owned()))
            }
            FeedError::SecretProperty { parameter, .. } => {
                (ProblemKind::UnknownProperty, Some(parameter.clone()))
            }
        };
        if let FeedError::Inventory(error) = error {
            return error.into();
        }
        let problem = Self::of(kind, &error);
        match parameter {
            Some(parameter) => problem
                .with_flaw(Flaw::new(RequestLocation::QueryParameter(parameter), sentence(&error))),
            None => problem,
        }
    }
}

impl Problem {
    /// Converts an error of a feed. A wrong property is located in the parameter that names it.
    pub(in crate::http) fn of_feed(error: FeedError, request: &FeedRequest) -> Self {
        match error {
            FeedError::Inventory(error) => Self::of_inventory(error, |property: &str| {
                RequestLocation::QueryParameter(request.parameter_of(property))
            }),
            error => error.into(),
        }
    }
}

impl From<BackupError> for Problem {
    fn from(error: BackupError) -> Self {
        let error = match error {
            BackupError::Documents(error) => return error.into(),
            BackupError::Inventory(error) => return error.into(),
            BackupError::Import(error) => return MigrationError::Import(error).into(),
            other => other,
        };
        let kind = of_backup(&error);
        let damage = match &error {
            BackupError::Store(error) => Some(error),
            _ => None,
        };
        Self::of(kind, &error).with_damage(damage)
    }
}

impl From<TopologyError> for Problem {
    fn from(error: TopologyError) -> Self {
        let kind = match &error {
            TopologyError::Store(error) => of_store(error),
            TopologyError::Import(error) => of_import(error),
            TopologyError::Decode(decode) => match decode {
                DecodeError::Io(error) => of_io(error),
                DecodeError::Refused(_)
                | DecodeError::Output(_)
                | DecodeError::Memory { .. }
                | DecodeError::Cpu { .. }
                | DecodeError::Wait { .. }
                | DecodeError::Died { .. }
                | DecodeError::InvalidOutput => ProblemKind::WorkbookRefused,
            },
            TopologyError::NoSheet { .. }
            | TopologyError::UnknownSheet { .. }
            | TopologyError::SeveralSheets { .. }
            | TopologyError::KindMissing { .. }
            | TopologyError::SheetOfTable { .. } => ProblemKind::WorkbookRefused,
            TopologyError::MarkedTooLarge => ProblemKind::WorkbookLimit,
            TopologyError::Write(_) | TopologyError::CellLong { .. } => {
                if error.is_of_workbook() {
                    ProblemKind::WorkbookLimit
                } else {
                    ProblemKind::Internal
                }
            }
            TopologyError::NotFound { .. } => ProblemKind::UnknownWorkbook,
            TopologyError::NoReport { .. } => ProblemKind::UnknownReport,
            TopologyError::InTheWay { .. } => ProblemKind::WorkbookState,
            TopologyError::UploadTooLarge => ProblemKind::BodyTooLarge,
            TopologyError::DiskFull | TopologyError::FileSizeLimit => ProblemKind::DiskFull,
            TopologyError::Io(error) => of_io(error),
        };
        let problem = Self::of(kind, &error).with_damage(match &error {
            TopologyError::Store(error) | TopologyError::Import(ImportError::Store(error)) => {
                Some(error)
            }
            _ => None,
        });
        let problem = match (kind, error.code()) {
            (ProblemKind::WorkbookRefused | ProblemKind::WorkbookLimit, Some(rule)) => {
                problem.with_rule(rule, &error)
            }
            _ => problem,
        };
        match error {
            TopologyError::Import(ImportError::EmptyReplacement(kinds)) => {
                problem.with_empty_kinds(kinds)
            }
            _ => problem,
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        let kind = match &error.detail {
            JsonFault::Size => ProblemKind::BodyTooLarge,
            JsonFault::Memory => return Self::unavailable(sentence(&error.detail)),
            JsonFault::Syntax { .. }
            | JsonFault::Utf16
            | JsonFault::DuplicateKey { .. }
            | JsonFault::Depth
            | JsonFault::NoObject { .. }
            | JsonFault::ItemNoObject { .. } => ProblemKind::MalformedBody,
        };
        let location = RequestLocation::Text { line: error.line, column: error.column };
        let detail = match &error.detail {
            fault @ JsonFault::Syntax { .. } => format!("The body is {fault}."),
            fault => sentence(fault),
        };
        Self::new(kind, &*detail).with_flaw(Flaw::new(location, &*detail))
    }
}

impl From<InventoryError> for Problem {
    fn from(error: InventoryError) -> Self {
        let kind = match &error {
            InventoryError::Store(error) => of_store(error),
            InventoryError::NotFound { .. } => ProblemKind::UnknownInstance,
            InventoryError::Forbidden { .. } | InventoryError::HiddenDependent { .. } => {
                ProblemKind::Forbidden
            }
            InventoryError::NoText { .. } => ProblemKind::UnknownText,
            InventoryError::NoChange { .. } => ProblemKind::UnknownChange,
            InventoryError::NotKept { .. }
            | InventoryError::Missed { .. }
            | InventoryError::AfterLast { .. }
            | InventoryError::Replaced { .. }
            | InventoryError::GenerationMissing { .. }
            | InventoryError::GenerationGone { .. } => ProblemKind::NotInHistory,
            InventoryError::MomentsReversed { .. } => ProblemKind::MalformedRequest,
            InventoryError::UnknownProperty { .. } => ProblemKind::UnknownProperty,
            InventoryError::Value { .. } => ProblemKind::WrongValue,
            InventoryError::Regex { .. } => ProblemKind::WrongExpression,
            InventoryError::SearchTooSlow { .. } => ProblemKind::SearchTooSlow,
            InventoryError::Stale { .. } => ProblemKind::Stale,
            InventoryError::UndoConflicts(_) => ProblemKind::UndoConflict,
            InventoryError::OwnUser { .. } => ProblemKind::OwnUser,
            InventoryError::NoAdministrator => ProblemKind::NoAdministrator,
            InventoryError::TooManyDifferences { .. } => ProblemKind::TooManyDifferences,
            InventoryError::TooManyReferences { .. } => ProblemKind::ChangeTooLarge,
            InventoryError::Write(error) => of_import(error),
            InventoryError::Hash(_) | InventoryError::Audit(_) => ProblemKind::Internal,
        };
        let problem = Self::of(kind, &error).with_damage(match &error {
            InventoryError::Store(error) | InventoryError::Write(ImportError::Store(error)) => {
                Some(error)
            }
            _ => None,
        });
        match error {
            InventoryError::UndoConflicts(report) => problem.with_undo_conflicts(&report),
            _ => problem,
        }
    }
}

impl Problem {
    /// Returns the problem of a property in the request. `location` returns the location of a
    /// property in the request.
    pub(in crate::http) fn of_inventory(
        error: InventoryError,
        location: impl FnOnce(&str) -> RequestLocation,
    ) -> Self {
        let detail = sentence(&error);
        let flaw = match &error {
            InventoryError::UnknownProperty { property, nearest, .. } => Some(Flaw {
                value: Some(shorten(property).into()),
                nearest: nearest.clone().map(Cow::Owned),
                ..Flaw::new(location(property), detail)
            }),
            InventoryError::Value { property, value, .. } => Some(Flaw {
                value: Some(shorten(value).into()),
                ..Flaw::new(location(property), detail)
            }),
            InventoryError::Regex { property, position, .. } => {
                Some(Flaw { position: Some(*position), ..Flaw::new(location(property), detail) })
            }
            InventoryError::Store(_)
            | InventoryError::NotFound { .. }
            | InventoryError::Forbidden { .. }
            | InventoryError::HiddenDependent { .. }
            | InventoryError::NoText { .. }
            | InventoryError::NoChange { .. }
            | InventoryError::NotKept { .. }
            | InventoryError::Missed { .. }
            | InventoryError::AfterLast { .. }
            | InventoryError::MomentsReversed { .. }
            | InventoryError::TooManyDifferences { .. }
            | InventoryError::SearchTooSlow { .. }
            | InventoryError::Replaced { .. }
            | InventoryError::Stale { .. }
            | InventoryError::GenerationGone { .. }
            | InventoryError::GenerationMissing { .. }
            | InventoryError::Write(_)
            | InventoryError::UndoConflicts(_)
            | InventoryError::OwnUser { .. }
            | InventoryError::NoAdministrator
            | InventoryError::TooManyReferences { .. }
            | InventoryError::Hash(_)
            | InventoryError::Audit(_) => None,
        };
        let problem = Self::from(error);
        match flaw {
            Some(flaw) => problem.with_flaw(flaw),
            None => problem,
        }
    }
}

/// Returns the kind of problem for an error of a backup or a restore.
fn of_backup(error: &BackupError) -> ProblemKind {
    match error {
        BackupError::NotFound { .. } => ProblemKind::UnknownBackup,
        BackupError::Exists { .. } => ProblemKind::BackupExists,
        BackupError::Reserved { .. } => ProblemKind::MalformedRequest,
        BackupError::TooMany | BackupError::NoFolder { .. } => ProblemKind::Unavailable,
        BackupError::Refused(_) => ProblemKind::BackupRefused,
        BackupError::Store(error) => of_store(error),
        BackupError::DiskFull | BackupError::FileSizeLimit => ProblemKind::DiskFull,
        BackupError::Job(error)
        | BackupError::Write(error)
        | BackupError::Io { source: error, .. } => of_io(error),
        BackupError::NoKind { .. } | BackupError::NoRecord { .. } => ProblemKind::NotInBackup,
        BackupError::PlanChanged => ProblemKind::RestorePlan,
        BackupError::Safety(first) => of_backup(first),
        BackupError::Import(error) | BackupError::Documents(MigrationError::Import(error)) => {
            of_import(error)
        }
        BackupError::Time(_)
        | BackupError::Documents(_)
        | BackupError::Inventory(_)
        | BackupError::FolderInData { .. } => ProblemKind::Internal,
    }
}

/// Returns the kind of problem for an error of an import.
fn of_import(error: &ImportError) -> ProblemKind {
    match error {
        ImportError::Store(error) => of_store(error),
        ImportError::TemporaryFile(error) | ImportError::Report(error) => of_io(error),
        ImportError::NoAdministrator => ProblemKind::NoAdministrator,
        ImportError::EmptyReplacement(_) => ProblemKind::EmptyReplacement,
        ImportError::NoReport { .. } => ProblemKind::UnknownReport,
        ImportError::NameBytes { .. }
        | ImportError::TemporaryFileDamaged
        | ImportError::Undecodable { .. }
        | ImportError::Text(_)
        | ImportError::Random(_) => ProblemKind::Internal,
    }
}

/// Returns the kind of problem for an error of the store.
fn of_store(error: &StoreError) -> ProblemKind {
    match error {
        StoreError::Busy | StoreError::Reopening => ProblemKind::Unavailable,
        StoreError::Cancelled(_) => ProblemKind::Cancelled,
        StoreError::NothingToUndo => ProblemKind::NothingToUndo,
        StoreError::DiskFull | StoreError::FileSizeLimit => ProblemKind::DiskFull,
        StoreError::ReadOnly { .. } | StoreError::DatabaseRemoved { .. } => ProblemKind::ReadOnly,
        StoreError::RecordLarge { .. }
        | StoreError::OverLimit { .. }
        | StoreError::TextLarge { .. } => ProblemKind::RecordTooLarge,
        StoreError::ChangeLarge { .. } => ProblemKind::ChangeTooLarge,
        StoreError::Io { source, .. } => of_io(source),
        StoreError::Corrupt { .. }
        | StoreError::Damaged { .. }
        | StoreError::InventoryDamaged(_)
        | StoreError::UndecryptableSecret { .. } => ProblemKind::Damaged,
        StoreError::Directory(_)
        | StoreError::Key(_)
        | StoreError::NoInventory { .. }
        | StoreError::Database(_) => ProblemKind::Internal,
    }
}

/// Returns the kind of problem for an error of the file system.
fn of_io(error: &io::Error) -> ProblemKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ProblemKind::DiskFull
        }
        _ => ProblemKind::Internal,
    }
}
