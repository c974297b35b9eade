//! Error messages: the `Display` of an error and of its sources, separated by colons
//! (`satchel::wording::chain`). No part must occur twice, so a `Display` must not repeat its
//! source.
//!
//! Every variant of every public error is built here. A new variant does not compile until it is
//! added, because each list is also an exhaustive `match`.

use std::error::Error;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use satchel::access::{
    AccountsError, HashError, LdapSettingsError, LockedSubject, LoginError, NewPasswordError,
    PasswordError, RefusedName, RefusedPassword, SetupError, TokenError, TokenRefusal, TokensError,
};
use satchel::audit::AuditError;
use satchel::backup::{
    BackupError, BackupName, BackupNameError, CommandError, Interval, RefusedBackup,
    ScheduleFailure, TextProblem, WebhookError,
};
use satchel::codec::bundle::{
    ArchiveProblem, BundleError, Digest, EntryProblem, MetadataError,
    WriteError as BundleWriteError,
};
use satchel::codec::json::{JsonError, JsonFault};
use satchel::codec::workbook::{
    DecodeError, ForeignFile, Format, OutputLimit, Refusal, SheetNameProblem, UnknownFormat,
    WriteError as WorkbookWriteError,
};
use satchel::codec::yaml::{ReadError, Rule as YamlRule};
use satchel::config::{Expected, FileError, ParseError, SettingFault, SettingProblem};
use satchel::feeds::{FEEDS, FeedError, FeedOption};
use satchel::import::ImportError;
use satchel::inventory::{
    ChangeSummary, ChangeUndoOutcome, ChangeUndoReport, HistoryStart, InventoryError, UndoWritten,
};
use satchel::job::Cancelled;
use satchel::migration::{FileProblem, LibraryError, MigrationError, ProjectName};
use satchel::model::{
    CriterionError, FileNameProblem, InvalidSecretNames, Kind, OverLimit, RegexFault, Rule,
    UnknownKind,
};
use satchel::store::{
    DirectoryError, FileOwner, ForeignContents, InventoryDamage, KeyError, LockHolder, StoreError,
};
use satchel::tls::TlsError;
use satchel::topology::{NameError as WorkbookNameError, TopologyError};
use satchel::wording::chain;

/// Fails if a part of the error's chain is empty, or is contained in another part.
#[track_caller]
fn assert_nothing_is_repeated(error: &dyn Error) {
    let chained = chain(error);
    let mut parts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        parts.push(cause.to_string());
        source = cause.source();
    }
    for (at, part) in parts.iter().enumerate() {
        assert!(!part.trim().is_empty(), "an empty part: {chained}");
        let others = parts.iter().enumerate().filter(|(other, _)| *other != at);
        for (_, other) in others {
            assert!(!other.contains(part.as_str()), "“{part}” stands twice: {chained}");
        }
    }
}

/// Checks one value of each variant, and that no variant is missing.
macro_rules! assert_each {
    ($errors:ty { $($pattern:pat => $value:expr),+ $(,)? }) => {{
        let variant = |error: &$errors| match error { $($pattern => stringify!($pattern)),+ };
        $({
            let error: $errors = $value;
            assert_eq!(variant(&error), stringify!($pattern));
            assert_nothing_is_repeated(&error);
        })+
    }};
}

/// A wrong error: its `Display` repeats its source.
#[derive(Debug, thiserror::Error)]
#[error("the folder: {0}")]
struct Repeating(#[source] io::Error);

#[test]
#[should_panic(expected = "stands twice: the folder: File exists")]
fn a_source_in_the_display_is_noticed() {
    assert_nothing_is_repeated(&Repeating(io_error()));
}

fn io_error() -> io::Error {
    io::Error::from_raw_os_error(17)
}

fn path() -> PathBuf {
    PathBuf::from("R 1%/é>b")
}

fn text() -> String {
    "é>b".to_owned()
}

fn unknown_kind() -> UnknownKind {
    UnknownKind { word: "devise".to_owned(), nearest: Some(Kind::Device) }
}

#[test]
fn model_errors_say_each_thing_once() {
    let expected = satchel::model::PropertyType::Text;
    assert_each!(Rule {
        Rule::NameEmpty => Rule::NameEmpty,
        Rule::NameLong { .. } => Rule::NameLong { bytes: 300 },
        Rule::NameCharacter { .. } => Rule::NameCharacter { character: '\u{1b}' },
        Rule::Type { .. } => Rule::Type { expected, found: "a list" },
        Rule::ListItem { .. } => Rule::ListItem { found: "a map" },
        Rule::NameMissing => Rule::NameMissing,
        Rule::NoRecord { .. } => Rule::NoRecord { found: "a text" },
        Rule::PropertyName { .. } => Rule::PropertyName { found: "a list" },
    });
    let property = text();
    assert_each!(OverLimit {
        OverLimit::Text { .. } => OverLimit::Text { property: property.clone(), bytes: 9 },
        OverLimit::Digits { .. } => OverLimit::Digits { property: property.clone(), digits: 9 },
        OverLimit::Depth { .. } => OverLimit::Depth { property: property.clone() },
        OverLimit::Shared { .. } => OverLimit::Shared { property: property.clone() },
        OverLimit::Record { .. } => OverLimit::Record { bytes: 9 },
    });
    assert_each!(CriterionError {
        CriterionError::Regex { .. } =>
            CriterionError::Regex { property: property.clone(), detail: "a brace".to_owned() },
        CriterionError::Secret { .. } => CriterionError::Secret { property: property.clone() },
        CriterionError::Match { .. } =>
            CriterionError::Match { property, found: "includes".to_owned() },
    });
    assert_each!(InvalidSecretNames {
        InvalidSecretNames::Empty => InvalidSecretNames::Empty,
        InvalidSecretNames::NoneBesideOthers => InvalidSecretNames::NoneBesideOthers,
        InvalidSecretNames::Long { .. } => InvalidSecretNames::Long { bytes: 300 },
        InvalidSecretNames::Many { .. } => InvalidSecretNames::Many { count: 300 },
        InvalidSecretNames::Control => InvalidSecretNames::Control,
    });
    assert_nothing_is_repeated(&RegexFault { detail: text(), position: 3 });
    assert_nothing_is_repeated(&unknown_kind());
    assert_nothing_is_repeated(&Cancelled);
}

#[test]
fn yaml_and_json_errors_say_each_thing_once() {
    assert_each!(YamlRule {
        YamlRule::Encoding => YamlRule::Encoding,
        YamlRule::Character { .. } => YamlRule::Character { found: 7 },
        YamlRule::NotAList { .. } => YamlRule::NotAList { found: "a text" },
        YamlRule::SecondDocument => YamlRule::SecondDocument,
        YamlRule::Directive { .. } => YamlRule::Directive { name: text() },
        YamlRule::Syntax { .. } => YamlRule::Syntax { problem: "a comma is missing" },
        YamlRule::Escape { .. } => YamlRule::Escape { found: text() },
        YamlRule::UnknownTag { .. } => YamlRule::UnknownTag { tag: text() },
        YamlRule::TagMismatch { .. } => YamlRule::TagMismatch { tag: text(), found: "a list" },
        YamlRule::Scalar { .. } => YamlRule::Scalar { expected: "number", text: text() },
        YamlRule::DuplicateKey { .. } => YamlRule::DuplicateKey { key: text() },
        YamlRule::KeyType { .. } => YamlRule::KeyType { found: "a list" },
        YamlRule::Merge { .. } => YamlRule::Merge { found: "a list" },
        YamlRule::UndefinedAlias { .. } => YamlRule::UndefinedAlias { name: text() },
        YamlRule::RecursiveAlias { .. } => YamlRule::RecursiveAlias { name: text() },
        YamlRule::DuplicateAnchor { .. } => YamlRule::DuplicateAnchor { name: text() },
        YamlRule::Depth { .. } => YamlRule::Depth { levels_max: 9 },
        YamlRule::RecordSize => YamlRule::RecordSize,
        YamlRule::AnchorSize => YamlRule::AnchorSize,
        YamlRule::Expansion => YamlRule::Expansion,
        YamlRule::TextSize => YamlRule::TextSize,
        YamlRule::NameSize => YamlRule::NameSize,
        YamlRule::DocumentSize => YamlRule::DocumentSize,
    });
    assert_each!(ReadError {
        ReadError::Io(_) => ReadError::Io(io_error()),
        ReadError::Refused { .. } =>
            ReadError::Refused { line: 7, column: 1, rule: YamlRule::Encoding },
    });
    assert_each!(JsonFault {
        JsonFault::Syntax { .. } => JsonFault::Syntax { problem: "a comma is missing".to_owned() },
        JsonFault::Utf16 => JsonFault::Utf16,
        JsonFault::DuplicateKey { .. } => JsonFault::DuplicateKey { key: text() },
        JsonFault::Depth => JsonFault::Depth,
        JsonFault::Size => JsonFault::Size,
        JsonFault::Memory => JsonFault::Memory,
        JsonFault::NoObject { .. } => JsonFault::NoObject { found: "a text" },
        JsonFault::ItemNoObject { .. } => JsonFault::ItemNoObject { index: 0, found: "a text" },
    });
    assert_nothing_is_repeated(&JsonError { line: 7, column: 1, detail: JsonFault::Depth });
}

#[test]
fn backup_errors_say_each_thing_once() {
    let name = || "b 1".parse::<BackupName>().unwrap();
    assert_each!(RefusedBackup {
        RefusedBackup::Special => RefusedBackup::Special,
        RefusedBackup::Bundle(_) => RefusedBackup::Bundle(ArchiveProblem::NoEnd.into()),
        RefusedBackup::NotABackup => RefusedBackup::NotABackup,
        RefusedBackup::Manifest(_) =>
            RefusedBackup::Manifest(serde_json::from_str::<u32>("x").unwrap_err()),
        RefusedBackup::ManifestLong { .. } =>
            RefusedBackup::ManifestLong { bytes: 9, bytes_max: 1 },
        RefusedBackup::Newer { .. } => RefusedBackup::Newer { format: 99 },
        RefusedBackup::Part { .. } => RefusedBackup::Part { part: text() },
        RefusedBackup::Checksum { .. } => RefusedBackup::Checksum { part: text() },
        RefusedBackup::Line { .. } => RefusedBackup::Line {
            part: text(), line: 7, source: serde_json::from_str::<u32>("x").unwrap_err()
        },
        RefusedBackup::Text { .. } =>
            RefusedBackup::Text { line: 7, problem: TextProblem::Missing },
        RefusedBackup::Unlisted { .. } => RefusedBackup::Unlisted { part: text() },
    });
    assert_each!(TextProblem {
        TextProblem::UnknownProperty { .. } => TextProblem::UnknownProperty { property: text() },
        TextProblem::UnknownDevice { .. } => TextProblem::UnknownDevice { device: text() },
        TextProblem::OutOfOrder => TextProblem::OutOfOrder,
        TextProblem::Missing => TextProblem::Missing,
        TextProblem::Long { .. } => TextProblem::Long { bytes: 99 },
    });
    assert_each!(CommandError {
        CommandError::Start { .. } =>
            CommandError::Start { path: PathBuf::from("a"), source: io_error() },
        CommandError::Wait { .. } =>
            CommandError::Wait { path: PathBuf::from("a"), source: io_error() },
        CommandError::Status { .. } => CommandError::Status {
            path: PathBuf::from("a"),
            status: ExitStatus::from_raw(9),
            output: vec![text()],
        },
        CommandError::TooLong { .. } =>
            CommandError::TooLong { path: PathBuf::from("a"), time_max: Interval::DAY },
        CommandError::Stopped { .. } => CommandError::Stopped { path: PathBuf::from("a") },
    });
    assert_each!(WebhookError {
        WebhookError::Certificates(_) =>
            WebhookError::Certificates(TlsError::NoCertificate(PathBuf::from("a"))),
        WebhookError::Request { .. } => WebhookError::Request {
            url: "http://a/b".parse().unwrap(),
            source: Box::new(ureq::Error::HostNotFound),
        },
        WebhookError::Status { .. } =>
            WebhookError::Status { url: "http://a/b".parse().unwrap(), status: 500 },
    });
    assert_each!(ScheduleFailure {
        ScheduleFailure::NoRoom { .. } =>
            ScheduleFailure::NoRoom { free_bytes: 1, needed_bytes: 9 },
        ScheduleFailure::NotMade(_) => ScheduleFailure::NotMade(BackupError::DiskFull),
        ScheduleFailure::NotVerified { .. } => ScheduleFailure::NotVerified {
            name: name(),
            source: Box::new(BackupError::DiskFull),
        },
        ScheduleFailure::Findings { .. } =>
            ScheduleFailure::Findings { name: name(), summary: text() },
        ScheduleFailure::Command { .. } => ScheduleFailure::Command {
            name: name(),
            source: Box::new(CommandError::Stopped { path: PathBuf::from("a") }),
        },
        ScheduleFailure::NotRemoved(_) => ScheduleFailure::NotRemoved(BackupError::DiskFull),
        ScheduleFailure::Cancelled => ScheduleFailure::Cancelled,
        ScheduleFailure::Interrupted => ScheduleFailure::Interrupted,
        ScheduleFailure::Panicked { .. } => ScheduleFailure::Panicked { message: text() },
    });
    assert_each!(BackupError {
        BackupError::NotFound { .. } => BackupError::NotFound { name: name() },
        BackupError::Exists { .. } => BackupError::Exists { name: name() },
        BackupError::Reserved { .. } => BackupError::Reserved { name: name() },
        BackupError::Job(_) => BackupError::Job(io_error()),
        BackupError::NoFolder { .. } => BackupError::NoFolder { path: PathBuf::from("a") },
        BackupError::FolderInData { .. } => BackupError::FolderInData { path: PathBuf::from("a") },
        BackupError::TooMany => BackupError::TooMany,
        BackupError::Refused(_) => BackupError::Refused(RefusedBackup::NotABackup),
        BackupError::Documents(_) => BackupError::Documents(MigrationError::Panicked),
        BackupError::Store(_) => BackupError::Store(StoreError::Busy),
        BackupError::NoKind { .. } => BackupError::NoKind { kind: Kind::Device },
        BackupError::NoRecord { .. } => BackupError::NoRecord { name: text() },
        BackupError::PlanChanged => BackupError::PlanChanged,
        BackupError::Safety(_) => BackupError::Safety(Box::new(BackupError::DiskFull)),
        BackupError::Import(_) => BackupError::Import(ImportError::NoAdministrator),
        BackupError::Inventory(_) => BackupError::Inventory(InventoryError::NoAdministrator),
        BackupError::DiskFull => BackupError::DiskFull,
        BackupError::FileSizeLimit => BackupError::FileSizeLimit,
        BackupError::Write(_) => BackupError::Write(io_error()),
        BackupError::Time(_) => BackupError::Time(time::error::Format::InvalidComponent("year")),
        BackupError::Io { .. } => BackupError::Io { path: PathBuf::from("a"), source: io_error() },
    });
    let refused: BackupNameError = "..".parse::<BackupName>().unwrap_err();
    assert_nothing_is_repeated(&refused);
}

#[test]
fn bundle_errors_say_each_thing_once() {
    let digest = Digest::from([7; 32]);
    assert_each!(ArchiveProblem {
        ArchiveProblem::NoEnd => ArchiveProblem::NoEnd,
        ArchiveProblem::DirectoryOffset => ArchiveProblem::DirectoryOffset,
        ArchiveProblem::DataBefore { .. } => ArchiveProblem::DataBefore { bytes: 10 },
        ArchiveProblem::Directory => ArchiveProblem::Directory,
        ArchiveProblem::Count { .. } => ArchiveProblem::Count { counted: 1, found: 2 },
        ArchiveProblem::Entries { .. } => ArchiveProblem::Entries { entries: 999 },
        ArchiveProblem::DirectoryTooLong { .. } => ArchiveProblem::DirectoryTooLong { bytes: 999 },
        ArchiveProblem::MultiPart => ArchiveProblem::MultiPart,
    });
    assert_each!(EntryProblem {
        EntryProblem::Name => EntryProblem::Name,
        EntryProblem::Path => EntryProblem::Path,
        EntryProblem::Folder { .. } => EntryProblem::Folder { first: text() },
        EntryProblem::Depth => EntryProblem::Depth,
        EntryProblem::Duplicate => EntryProblem::Duplicate,
        EntryProblem::Special { .. } => EntryProblem::Special { mode: 0o120_777 },
        EntryProblem::Encrypted => EntryProblem::Encrypted,
        EntryProblem::Method { .. } => EntryProblem::Method { method: 9 },
        EntryProblem::Header => EntryProblem::Header,
        EntryProblem::OutsideArchive => EntryProblem::OutsideArchive,
        EntryProblem::Overlap { .. } => EntryProblem::Overlap { other: text() },
        EntryProblem::Ratio { .. } => EntryProblem::Ratio { packed: 1, unpacked: 9_999_999 },
        EntryProblem::MetadataTooLong => EntryProblem::MetadataTooLong,
        EntryProblem::Unlisted => EntryProblem::Unlisted,
        EntryProblem::Missing => EntryProblem::Missing,
        EntryProblem::CompressedData => EntryProblem::CompressedData,
        EntryProblem::ShorterThanDeclared { .. } => EntryProblem::ShorterThanDeclared { expected: 2, found: 1 },
        EntryProblem::LongerThanDeclared { .. } => EntryProblem::LongerThanDeclared { expected: 2 },
        EntryProblem::Crc { .. } => EntryProblem::Crc { expected: 2, found: 1 },
        EntryProblem::Checksum { .. } =>
            EntryProblem::Checksum { expected: digest, found: Digest::from([8; 32]) },
    });
    assert_each!(MetadataError {
        MetadataError::Yaml(_) => MetadataError::Yaml("a list is not closed".to_owned()),
        MetadataError::Type { .. } =>
            MetadataError::Type { key: text(), expected: "a text", found: "a list" },
        MetadataError::Missing { .. } => MetadataError::Missing { key: text() },
        MetadataError::UnknownValue { .. } => MetadataError::UnknownValue { key: text(), found: text() },
        MetadataError::Kind(_) => MetadataError::Kind(unknown_kind()),
        MetadataError::Format { .. } => MetadataError::Format { format: 99 },
    });
    assert_each!(BundleError {
        BundleError::Io(_) => BundleError::Io(io_error()),
        BundleError::Archive(_) => BundleError::Archive(ArchiveProblem::NoEnd),
        BundleError::Entry { .. } =>
            BundleError::Entry { entry: text(), problem: EntryProblem::Header },
        BundleError::MetadataMissing { .. } => BundleError::MetadataMissing { similar: None },
        BundleError::Nested { .. } => BundleError::Nested { entry: text() },
        BundleError::Metadata(_) => BundleError::Metadata(MetadataError::Kind(unknown_kind())),
        BundleError::Unpacked { .. } => BundleError::Unpacked { bytes: 2, bytes_max: 1 },
    });
    assert_each!(BundleWriteError {
        BundleWriteError::Io(_) => BundleWriteError::Io(io_error()),
        BundleWriteError::Document { .. } =>
            BundleWriteError::Document { kind: Kind::Device, source: io_error() },
        BundleWriteError::Twice(_) => BundleWriteError::Twice(Kind::Link),
        BundleWriteError::Unfinished(_) => BundleWriteError::Unfinished(Kind::Link),
    });
    assert_nothing_is_repeated(&satchel::codec::bundle::DigestSyntaxError);
}

#[test]
fn workbook_errors_say_each_thing_once() {
    let (sheet, format) = (text(), Format::Xls);
    assert_each!(Refusal {
        Refusal::Empty => Refusal::Empty,
        Refusal::Unknown => Refusal::Unknown,
        Refusal::Encrypted => Refusal::Encrypted,
        Refusal::Damaged { .. } => Refusal::Damaged { reason: text() },
        Refusal::NotUtf8 { .. } => Refusal::NotUtf8 { line: 7 },
        Refusal::OpenQuote { .. } => Refusal::OpenQuote { line: 7 },
        Refusal::CutOff => Refusal::CutOff,
        Refusal::CodePage { .. } => Refusal::CodePage { number: 720 },
        Refusal::Foreign(_) => Refusal::Foreign(ForeignFile::Html),
    });
    assert_each!(OutputLimit {
        OutputLimit::Sheets => OutputLimit::Sheets,
        OutputLimit::Rows => OutputLimit::Rows,
        OutputLimit::Bytes => OutputLimit::Bytes,
        OutputLimit::RowBytes { .. } => OutputLimit::RowBytes { row: 7 },
    });
    assert_each!(DecodeError {
        DecodeError::Io(_) => DecodeError::Io(io_error()),
        DecodeError::Refused(_) => DecodeError::Refused(Refusal::Encrypted),
        DecodeError::Output(_) => DecodeError::Output(OutputLimit::Rows),
        DecodeError::Memory { .. } => DecodeError::Memory { bytes_max: 1 << 30 },
        DecodeError::Cpu { .. } => DecodeError::Cpu { cpu_max: Duration::from_secs(9) },
        DecodeError::Wait { .. } => DecodeError::Wait { wait_max: Duration::from_secs(9) },
        DecodeError::Died { .. } => DecodeError::Died { status: ExitStatus::from_raw(9) },
        DecodeError::InvalidOutput => DecodeError::InvalidOutput,
    });
    assert_each!(SheetNameProblem {
        SheetNameProblem::Empty => SheetNameProblem::Empty,
        SheetNameProblem::TooLong => SheetNameProblem::TooLong,
        SheetNameProblem::Character { .. } => SheetNameProblem::Character { character: '[' },
        SheetNameProblem::Apostrophe => SheetNameProblem::Apostrophe,
        SheetNameProblem::Duplicate => SheetNameProblem::Duplicate,
    });
    assert_each!(WorkbookWriteError {
        WorkbookWriteError::Scratch(_) => WorkbookWriteError::Scratch(io_error()),
        WorkbookWriteError::Output(_) => WorkbookWriteError::Output(io_error()),
        WorkbookWriteError::Library { .. } =>
            WorkbookWriteError::Library { detail: "a limit".to_owned() },
        WorkbookWriteError::Rows { .. } =>
            WorkbookWriteError::Rows { sheet: sheet.clone(), format },
        WorkbookWriteError::Columns { .. } =>
            WorkbookWriteError::Columns { sheet: sheet.clone(), format },
        WorkbookWriteError::Text { .. } =>
            WorkbookWriteError::Text { sheet: sheet.clone(), row: 1, column: 2, units: 40_000 },
        WorkbookWriteError::SheetName { .. } =>
            WorkbookWriteError::SheetName { name: sheet, problem: SheetNameProblem::TooLong },
        WorkbookWriteError::NoSheet => WorkbookWriteError::NoSheet,
        WorkbookWriteError::TooLarge { .. } =>
            WorkbookWriteError::TooLarge { bytes_max: 1 << 30, format },
        WorkbookWriteError::Guides { .. } => WorkbookWriteError::Guides { format },
    });
    assert_nothing_is_repeated(&UnknownFormat { extension: "ods".to_owned() });
}

#[test]
fn store_errors_say_each_thing_once() {
    let (owner, caller) = (FileOwner::caller(), FileOwner::caller());
    let foreign = |found| DirectoryError::Foreign { path: path(), found };
    assert_nothing_is_repeated(&foreign(ForeignContents::Entry(text())));
    assert_each!(DirectoryError {
        DirectoryError::Missing { .. } => DirectoryError::Missing { path: path() },
        DirectoryError::Empty { .. } => DirectoryError::Empty { path: path() },
        DirectoryError::Unfinished { .. } => DirectoryError::Unfinished { path: path() },
        DirectoryError::Foreign { .. } => foreign(ForeignContents::File),
        DirectoryError::OtherOwner { .. } => DirectoryError::OtherOwner {
            path: path(), owner: owner.clone(), caller: caller.clone(),
        },
        DirectoryError::Barred { .. } => DirectoryError::Barred {
            path: path(), folder: "/x".into(), owner: owner.clone(), caller: caller.clone(),
        },
        DirectoryError::NotCreatable { .. } => DirectoryError::NotCreatable {
            path: path(), folder: "/x".into(), owner: owner.clone(), caller: caller.clone(),
        },
        DirectoryError::MixedOwners { .. } => DirectoryError::MixedOwners {
            directory: path(), file: "/x".into(), file_owner: caller, owner,
        },
        DirectoryError::InUse { .. } =>
            DirectoryError::InUse { directory: path(), holder: LockHolder::default() },
        DirectoryError::OtherFormat { .. } => DirectoryError::OtherFormat { found: 9, known: 1 },
    });
    assert_each!(KeyError {
        KeyError::Missing { .. } => KeyError::Missing { path: path() },
        KeyError::Length { .. } => KeyError::Length { path: path(), bytes: 7 },
        KeyError::Wrong { .. } => KeyError::Wrong { path: path(), proof: text() },
    });
    let damage = InventoryDamage {
        directory: path(),
        findings: vec!["a file is missing".to_owned()],
        known: None,
        previous: None,
    };
    let (kind, name) = (Kind::Device, text());
    assert_each!(StoreError {
        StoreError::Corrupt { .. } => StoreError::Corrupt {
            kind, name: name.clone(), detail: "a length is wrong".to_owned(),
        },
        StoreError::Damaged { .. } =>
            StoreError::Damaged { part: "meta", detail: "a length is wrong".to_owned() },
        StoreError::InventoryDamaged(_) => StoreError::InventoryDamaged(Box::new(damage)),
        StoreError::Directory(_) => StoreError::from(DirectoryError::Missing { path: path() }),
        StoreError::Key(_) => StoreError::Key(KeyError::Missing { path: path() }),
        StoreError::UndecryptableSecret { .. } => StoreError::UndecryptableSecret { kind, name: name.clone() },
        StoreError::Busy => StoreError::Busy,
        StoreError::Cancelled(_) => StoreError::Cancelled(Cancelled),
        StoreError::NoInventory { .. } => StoreError::NoInventory { directory: path() },
        StoreError::NothingToUndo => StoreError::NothingToUndo,
        StoreError::DiskFull => StoreError::DiskFull,
        StoreError::FileSizeLimit => StoreError::FileSizeLimit,
        StoreError::Reopening => StoreError::Reopening,
        StoreError::ReadOnly { .. } => StoreError::ReadOnly { reason: text() },
        StoreError::DatabaseRemoved { .. } => StoreError::DatabaseRemoved { path: path() },
        StoreError::RecordLarge { .. } => StoreError::RecordLarge { kind, bytes: 7 },
        StoreError::OverLimit { .. } => StoreError::OverLimit {
            kind, name, over: OverLimit::Depth { property: "rack".to_owned() },
        },
        StoreError::TextLarge { .. } => StoreError::TextLarge { bytes: 7 },
        StoreError::ChangeLarge { .. } => StoreError::ChangeLarge { records: 7 },
        StoreError::Io { .. } =>
            StoreError::Io { what: "the file R 1%".to_owned(), source: io_error() },
        StoreError::Database(_) => StoreError::Database(sled::Error::Io(io_error())),
    });
}

/// The report of an undo in whose way something stands.
fn conflicts() -> ChangeUndoReport {
    let change = ChangeSummary {
        number: 7,
        time: "2026-11-27T07:03:05Z".to_owned(),
        principal: text(),
        address: None,
        operation: "put_instances".to_owned(),
        request: None,
        message: None,
        types: Vec::new(),
        generation: None,
        names: Vec::new(),
        not_kept: false,
        changed: false,
    };
    ChangeUndoReport {
        outcome: ChangeUndoOutcome::Conflicts,
        summary: "Change 7 was not undone, nothing was changed: 1 conflict stands in the way."
            .to_owned(),
        written: UndoWritten::Nothing,
        change,
        records_total: 0,
        records: Vec::new(),
        conflicts_total: 1,
        conflicts: Vec::new(),
        administrators_total: 0,
        administrators: Vec::new(),
        left_out_total: 0,
        left_out: Vec::new(),
    }
}

#[test]
fn feed_errors_say_each_thing_once() {
    let (feed, option) = (FEEDS[0].name, FeedOption::Host);
    assert_each!(FeedError {
        FeedError::UnknownFeed { .. } =>
            FeedError::UnknownFeed { name: text(), nearest: Some(FEEDS[0].name) },
        FeedError::WrongOption { .. } => FeedError::WrongOption {
            feed,
            option,
            value: text(),
            expected: "expected one of: slug, ip".to_owned(),
        },
        FeedError::RepeatedOption { .. } => FeedError::RepeatedOption { feed, option },
        FeedError::MissingOption { .. } => FeedError::MissingOption { feed, option },
        FeedError::SecretProperty { .. } =>
            FeedError::SecretProperty { property: text(), parameter: "vars".to_owned() },
        FeedError::UnknownGroup { .. } =>
            FeedError::UnknownGroup { kind: Kind::Pool, name: text(), parameter: "pool" },
        FeedError::NoSingleHost { .. } => FeedError::NoSingleHost { feed },
        FeedError::UnknownHost { .. } => FeedError::UnknownHost { feed, host: text() },
        FeedError::Inventory(_) => FeedError::Inventory(InventoryError::NoAdministrator),
    });
}

#[test]
fn access_and_inventory_errors_say_each_thing_once() {
    let not_argon2 = argon2::password_hash::Error::PhcStringField;
    assert_each!(HashError {
        HashError::NotArgon2(_) => HashError::NotArgon2(not_argon2),
        HashError::TooCostly { .. } =>
            HashError::TooCostly { memory_kib: 1 << 30, passes: 2, lanes: 3 },
        HashError::NoRandomness(_) => HashError::NoRandomness(io_error()),
        HashError::Hashing(_) => HashError::Hashing(argon2::password_hash::Error::SaltInvalid(
            argon2::password_hash::errors::InvalidValue::TooShort,
        )),
    });
    let path = || std::path::PathBuf::from("R 1%.pem");
    assert_each!(TlsError {
        TlsError::Unreadable { .. } => TlsError::Unreadable {
            path: path(),
            source: rustls::pki_types::pem::Error::NoItemsFound,
        },
        TlsError::NoCertificate(_) => TlsError::NoCertificate(path()),
        TlsError::Unusable { .. } => TlsError::Unusable {
            certificate: path(),
            key: "R 1%.key".into(),
            source: rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch),
        },
        TlsError::SelfSigned(_) => TlsError::SelfSigned(rcgen::Error::CouldNotParseCertificate),
        TlsError::File { .. } => TlsError::File { path: path(), source: io_error() },
        TlsError::Setup(_) => TlsError::Setup(rustls::Error::HandshakeNotComplete),
    });
    assert_each!(PasswordError {
        PasswordError::Store(_) => PasswordError::Store(StoreError::Busy),
        PasswordError::Hash(_) => PasswordError::Hash(HashError::NoRandomness(io_error())),
        PasswordError::Refused(_) => PasswordError::Refused(RefusedPassword::Common),
        PasswordError::Name(_) => PasswordError::Name(RefusedName::Colon),
    });
    assert_each!(NewPasswordError {
        NewPasswordError::Login(_) => LoginError::Refused.into(),
        NewPasswordError::Password(_) => PasswordError::Refused(RefusedPassword::Common).into(),
        NewPasswordError::Unchanged => NewPasswordError::Unchanged,
        NewPasswordError::OtherServer(_) => NewPasswordError::OtherServer(text()),
    });
    assert_each!(RefusedName {
        RefusedName::Colon => RefusedName::Colon,
        RefusedName::Padded => RefusedName::Padded,
        RefusedName::Invisible { .. } => RefusedName::Invisible { character: '\u{200b}' },
        RefusedName::MixedAlphabets { .. } => RefusedName::MixedAlphabets { character: 'а' },
        RefusedName::LooksLike { .. } => RefusedName::LooksLike { existing: text() },
    });
    assert_each!(RefusedPassword {
        RefusedPassword::TooShort => RefusedPassword::TooShort,
        RefusedPassword::TooLong => RefusedPassword::TooLong,
        RefusedPassword::ControlCharacter => RefusedPassword::ControlCharacter,
        RefusedPassword::Invisible { .. } => RefusedPassword::Invisible { character: '\u{200b}' },
        RefusedPassword::Sequence => RefusedPassword::Sequence,
        RefusedPassword::Monotonous => RefusedPassword::Monotonous,
        RefusedPassword::Common => RefusedPassword::Common,
        RefusedPassword::UserName => RefusedPassword::UserName,
    });
    assert_each!(SetupError {
        SetupError::WrongCode => SetupError::WrongCode,
        SetupError::Password(_) => SetupError::Password(RefusedPassword::Common.into()),
    });
    assert_each!(TokenRefusal {
        TokenRefusal::Unknown => TokenRefusal::Unknown,
        TokenRefusal::Expired => TokenRefusal::Expired,
        TokenRefusal::WrongAddress => TokenRefusal::WrongAddress,
        TokenRefusal::PublicPassword => TokenRefusal::PublicPassword,
    });
    assert_each!(TokensError {
        TokensError::Read { .. } => TokensError::Read { path: path(), source: io_error() },
        TokensError::Write { .. } => TokensError::Write { path: path(), source: io_error() },
        TokensError::Damaged { .. } => TokensError::Damaged { path: path() },
        TokensError::Newer { .. } => TokensError::Newer { path: path() },
    });
    assert_each!(TokenError {
        TokenError::Name(_) => TokenError::Name(RefusedName::Padded),
        TokenError::NameLong => TokenError::NameLong,
        TokenError::NameTaken { .. } => TokenError::NameTaken { user: text(), name: text() },
        TokenError::TooMany => TokenError::TooMany,
        TokenError::TooManyOfUser(_) => TokenError::TooManyOfUser(text()),
        TokenError::Store(_) => TokenError::Store(StoreError::Busy),
        TokenError::NotFound(_) => TokenError::NotFound(text()),
        TokenError::NoRandomness(_) => TokenError::NoRandomness(io_error()),
        TokenError::File(_) => TokenError::File(TokensError::Damaged { path: path() }),
    });
    let accounts = || AccountsError(Box::new(StoreError::Busy));
    assert_nothing_is_repeated(&accounts());
    assert_each!(LoginError {
        LoginError::Refused => LoginError::Refused,
        LoginError::PublicPassword => LoginError::PublicPassword,
        LoginError::LdapUnavailable => LoginError::LdapUnavailable,
        LoginError::Token(_) => LoginError::Token(TokenRefusal::Expired),
        LoginError::Locked { .. } => LoginError::Locked {
            subject: LockedSubject::User,
            wait: Duration::from_secs(9),
        },
        LoginError::SessionEnded => LoginError::SessionEnded,
        LoginError::SeveralSessions => LoginError::SeveralSessions,
        LoginError::NoRandomness(_) => LoginError::NoRandomness(io_error()),
        LoginError::Accounts(_) => LoginError::Accounts(accounts()),
    });
    let url = || "ldap://dc1.example.net".to_owned();
    assert_each!(LdapSettingsError {
        LdapSettingsError::NoServer { .. } => LdapSettingsError::NoServer { setting: "ldap_base" },
        LdapSettingsError::NoUserEntry => LdapSettingsError::NoUserEntry,
        LdapSettingsError::NoGroupEntry => LdapSettingsError::NoGroupEntry,
        LdapSettingsError::ServiceAccount => LdapSettingsError::ServiceAccount,
        LdapSettingsError::TwoWays => LdapSettingsError::TwoWays,
        LdapSettingsError::NoGroupBase => LdapSettingsError::NoGroupBase,
        LdapSettingsError::NotDistinguishedName { .. } => LdapSettingsError::NotDistinguishedName {
            setting: "ldap_base",
            text: text(),
        },
        LdapSettingsError::Unencrypted { .. } => LdapSettingsError::Unencrypted { url: url() },
        LdapSettingsError::StartTlsOverTls { .. } => LdapSettingsError::StartTlsOverTls { url: url() },
        LdapSettingsError::PasswordFile { .. } => LdapSettingsError::PasswordFile {
            path: path(),
            source: io_error(),
        },
        LdapSettingsError::PasswordFileEmpty { .. } => LdapSettingsError::PasswordFileEmpty { path: path() },
        LdapSettingsError::Ca(_) => LdapSettingsError::Ca(TlsError::NoCertificate(path())),
    });
    let (kind, name, property) = (Kind::Device, text(), "port".to_owned());
    assert_each!(InventoryError {
        InventoryError::Store(_) => InventoryError::Store(StoreError::Busy),
        InventoryError::NotFound { .. } => InventoryError::NotFound { kind, name: name.clone() },
        InventoryError::Forbidden { .. } => InventoryError::Forbidden { kind, name: name.clone() },
        InventoryError::HiddenDependent { .. } => {
            InventoryError::HiddenDependent { kind, name: name.clone() }
        },
        InventoryError::NoText { .. } => InventoryError::NoText {
            device: name.clone(), property: property.clone(),
        },
        InventoryError::GenerationGone { .. } => InventoryError::GenerationGone { change: 7 },
        InventoryError::GenerationMissing { .. } => InventoryError::GenerationMissing { change: 7 },
        InventoryError::Write(_) => InventoryError::Write(ImportError::TemporaryFileDamaged),
        InventoryError::UndoConflicts(_) => InventoryError::UndoConflicts(Box::new(conflicts())),
        InventoryError::UnknownProperty { .. } => InventoryError::UnknownProperty {
            kind, property: property.clone(), nearest: Some("post".to_owned()),
        },
        InventoryError::Value { .. } => InventoryError::Value {
            kind, property: property.clone(), value: text(), rule: "a number is expected".to_owned(),
        },
        InventoryError::Regex { .. } =>
            InventoryError::Regex { property, detail: "a brace".to_owned(), position: 7 },
        InventoryError::SearchTooSlow { .. } => InventoryError::SearchTooSlow { seconds: 30 },
        InventoryError::NoChange { .. } => InventoryError::NoChange { number: 7 },
        InventoryError::Missed { .. } => InventoryError::Missed { after: 1, begin: None },
        InventoryError::AfterLast { .. } => InventoryError::AfterLast { after: 9, last: 7 },
        InventoryError::MomentsReversed { .. } =>
            InventoryError::MomentsReversed { since: 9, to: 7 },
        InventoryError::TooManyDifferences { .. } =>
            InventoryError::TooManyDifferences { records_max: 9 },
        InventoryError::NotKept { .. } => InventoryError::NotKept {
            begin: Some(HistoryStart { number: 7, time: "2026-11-27T16:20:00Z".to_owned() }),
        },
        InventoryError::Replaced { .. } => InventoryError::Replaced { change: 7 },
        InventoryError::Stale { .. } => InventoryError::Stale { kind, name: name.clone() },
        InventoryError::OwnUser { .. } => InventoryError::OwnUser { name: name.clone() },
        InventoryError::TooManyReferences { .. } =>
            InventoryError::TooManyReferences { kind, name, others: 2, records_max: 9 },
        InventoryError::NoAdministrator => InventoryError::NoAdministrator,
        InventoryError::Hash(_) => InventoryError::Hash(HashError::NoRandomness(io_error())),
        InventoryError::Audit(_) => InventoryError::Audit(AuditError::Thread(io_error())),
    });
    assert_each!(AuditError {
        AuditError::Read { .. } => AuditError::Read { path: path(), source: io_error() },
        AuditError::Write { .. } => AuditError::Write { path: path(), source: io_error() },
        AuditError::Thread(_) => AuditError::Thread(io_error()),
    });
}

#[test]
fn import_and_export_errors_say_each_thing_once() {
    assert_each!(ImportError {
        ImportError::Store(_) => ImportError::Store(StoreError::Busy),
        ImportError::TemporaryFile(_) => ImportError::TemporaryFile(io_error()),
        ImportError::Text(_) => ImportError::Text(Box::new(io_error())),
        ImportError::TemporaryFileDamaged => ImportError::TemporaryFileDamaged,
        ImportError::Undecodable { .. } =>
            ImportError::Undecodable { kind: Kind::Device, detail: text() },
        ImportError::NameBytes { .. } => ImportError::NameBytes { kind: Kind::Device },
        ImportError::NoAdministrator => ImportError::NoAdministrator,
        ImportError::EmptyReplacement(_) => ImportError::EmptyReplacement(Vec::new()),
        ImportError::NoReport { .. } => ImportError::NoReport { id: text() },
        ImportError::Report(_) => ImportError::Report(io_error()),
        ImportError::Random(_) => ImportError::Random(io_error()),
    });
    let name = || "backup".parse().unwrap();
    assert_each!(FileProblem {
        FileProblem::Link => FileProblem::Link,
        FileProblem::Special => FileProblem::Special,
        FileProblem::Folder => FileProblem::Folder,
        FileProblem::Changed => FileProblem::Changed,
    });
    assert_each!(LibraryError {
        LibraryError::NotFound { .. } => LibraryError::NotFound { name: name() },
        LibraryError::Bundle(_) => LibraryError::Bundle(ArchiveProblem::NoEnd.into()),
        LibraryError::File { .. } => LibraryError::File { file: text(), problem: FileProblem::Link },
        LibraryError::FolderHasNoFile { .. } => LibraryError::FolderHasNoFile { name: name() },
        LibraryError::InTheWay { .. } => LibraryError::InTheWay { file: text() },
        LibraryError::Long => LibraryError::Long,
        LibraryError::DiskFull => LibraryError::DiskFull,
        LibraryError::FileSizeLimit => LibraryError::FileSizeLimit,
        LibraryError::Io { .. } => LibraryError::Io { path: "a.zip".into(), source: io_error() },
    });
    let refused = || ReadError::Refused { line: 7, column: 1, rule: YamlRule::Encoding };
    assert_each!(MigrationError {
        MigrationError::Library(_) => MigrationError::Library(LibraryError::DiskFull),
        MigrationError::Store(_) => MigrationError::Store(StoreError::Busy),
        MigrationError::Write(_) => MigrationError::Write(BundleWriteError::Io(io_error())),
        MigrationError::Read { .. } =>
            MigrationError::Read { kind: Kind::Device, source: io::Error::other(refused()) },
        MigrationError::Import(_) => MigrationError::Import(ImportError::TemporaryFile(io_error())),
        MigrationError::Sample { .. } =>
            MigrationError::Sample { path: "demo".into(), source: io_error() },
        MigrationError::Metadata(_) =>
            MigrationError::Metadata(MetadataError::Missing { key: text() }),
        MigrationError::Time(_) => MigrationError::Time(time::error::Format::InvalidComponent("year")),
        MigrationError::Panicked => MigrationError::Panicked,
    });
    assert_each!(FileNameProblem {
        FileNameProblem::Empty => FileNameProblem::Empty,
        FileNameProblem::TooLong { .. } => FileNameProblem::TooLong { characters: 999 },
        FileNameProblem::LeadingDot => FileNameProblem::LeadingDot,
        FileNameProblem::Character { .. } => FileNameProblem::Character { character: '/' },
    });
    assert_nothing_is_repeated(&"../x".parse::<ProjectName>().unwrap_err());
    assert_each!(WorkbookNameError {
        WorkbookNameError::File(_) => WorkbookNameError::File(FileNameProblem::Empty),
        WorkbookNameError::Ending(_) =>
            WorkbookNameError::Ending(UnknownFormat { extension: "ods".to_owned() }),
    });
    assert_each!(TopologyError {
        TopologyError::Store(_) => TopologyError::Store(StoreError::Busy),
        TopologyError::Import(_) => TopologyError::Import(ImportError::TemporaryFile(io_error())),
        TopologyError::Decode(_) => TopologyError::Decode(DecodeError::Io(io_error())),
        TopologyError::Write(_) => TopologyError::Write(WorkbookWriteError::Output(io_error())),
        TopologyError::CellLong { .. } => TopologyError::CellLong {
            kind: Kind::Device, record: text(), property: "port".to_owned(), units: 40_000,
        },
        TopologyError::NoSheet { .. } => TopologyError::NoSheet { sheets: vec![text()] },
        TopologyError::UnknownSheet { .. } => TopologyError::UnknownSheet {
            sheet: text(), sheets: vec![text()],
        },
        TopologyError::SeveralSheets { .. } => TopologyError::SeveralSheets {
            kind: Kind::Link, sheets: vec![text()],
        },
        TopologyError::KindMissing { .. } => TopologyError::KindMissing { sheet: text() },
        TopologyError::SheetOfTable { .. } => TopologyError::SheetOfTable { sheet: text() },
        TopologyError::NotFound { .. } => TopologyError::NotFound { name: text() },
        TopologyError::NoReport { .. } => TopologyError::NoReport { id: text() },
        TopologyError::MarkedTooLarge => TopologyError::MarkedTooLarge,
        TopologyError::InTheWay { .. } => TopologyError::InTheWay { name: text() },
        TopologyError::UploadTooLarge => TopologyError::UploadTooLarge,
        TopologyError::DiskFull => TopologyError::DiskFull,
        TopologyError::FileSizeLimit => TopologyError::FileSizeLimit,
        TopologyError::Io(_) => TopologyError::Io(io_error()),
    });
}

#[test]
fn settings_errors_say_each_thing_once() {
    let wrong_type = || SettingFault::Type { found: "a list", expected: Expected::Integer };
    assert_each!(SettingFault {
        SettingFault::Unknown { .. } => SettingFault::Unknown { nearest: Some(text()) },
        SettingFault::Type { .. } => wrong_type(),
        SettingFault::Value { .. } =>
            SettingFault::Value { value: text(), expectation: "a number is expected".to_owned() },
    });
    let problem = || SettingProblem { line: 7, key: text(), fault: wrong_type() };
    assert_each!(FileError {
        FileError::Unreadable { .. } => FileError::Unreadable { path: path(), source: io_error() },
        FileError::TooLarge { .. } => FileError::TooLarge { path: path(), bytes_max: 9 },
        FileError::NotText { .. } => FileError::NotText { path: path(), line: 7 },
        FileError::Syntax { .. } =>
            FileError::Syntax { path: path(), line: 7, detail: "a quote is missing".to_owned() },
        FileError::Wrong { .. } => FileError::Wrong { path: path(), problems: vec![problem()] },
    });
    let clap = || clap::Error::raw(clap::error::ErrorKind::UnknownArgument, "--devise\n");
    assert_each!(ParseError {
        ParseError::Arguments(_) => ParseError::Arguments(clap()),
        ParseError::File(_) =>
            ParseError::File(FileError::Unreadable { path: path(), source: io_error() }),
    });
}
