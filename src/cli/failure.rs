//! What is said when something could not be done: what it was, and what to do next.

use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::{output, recover, target::RequestRefused};
use crate::{
    access::FIRST_USER_NAME,
    store::{DirectoryError, LockHolder, StoreError},
};

/// The subcommand that no server is asked for.
const SERVE: &str = "serve";

/// The subcommand that works on a data directory only.
const RECOVER: &str = "recover";

/// How a command prints what it answers, and so also that it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputFormat {
    Text,
    /// With `--json`: standard output has a problem document also where nothing was done.
    Json,
}

/// The title of a problem that the command itself reports.
const TITLE: &str = "The command was not carried out";

/// Says on standard error what could not be done, and what to do next where that is known. With
/// `--json` the problem is printed on standard output as well.
pub(super) fn report(error: &anyhow::Error, answers: OutputFormat) {
    let advice = advice(error);
    let mut stderr = std::io::stderr().lock();
    // Where standard error is closed, nobody can be told, and that is no reason to panic.
    let _ = writeln!(stderr, "satchel: {error:#}");
    if let Some(advice) = &advice {
        let _ = writeln!(stderr, "{advice}");
    }
    if answers == OutputFormat::Json {
        // Where standard output takes nothing, there is nobody to be told.
        let _ = output::print_json(&document(error, advice.as_deref()));
    }
}

/// A problem with the command line or the settings, as the same document.
pub(super) fn report_wrong_words(detail: &str) {
    let detail = detail.trim().trim_start_matches("error: ");
    let _ = output::print_json(&problem(detail).to_string());
}

/// The problem (RFC 9457): the server's own, or one of the same shape.
fn document(error: &anyhow::Error, advice: Option<&str>) -> String {
    let refused = error.chain().find_map(|cause| cause.downcast_ref::<RequestRefused>());
    if let Some(document) = refused.and_then(|refused| refused.document.clone()) {
        return document;
    }
    let what = sentence(&format!("{error:#}"));
    let detail = match advice {
        Some(advice) => format!("{what} {advice}"),
        None => what,
    };
    problem(&detail).to_string()
}

fn problem(detail: &str) -> Value {
    json!({"type": "about:blank", "title": TITLE, "detail": detail})
}

/// A message as a sentence.
fn sentence(text: &str) -> String {
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{stop}", chars.as_str())
}

/// The exit code of a command that refuses a damaged inventory.
pub(super) const DAMAGED: u8 = 3;

/// The exit code of a command that ended with this error: 3 for a damaged inventory, 1 otherwise.
pub(super) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let damaged = error.chain().any(|cause| {
        matches!(cause.downcast_ref::<StoreError>(), Some(StoreError::InventoryDamaged(_)))
    });
    if damaged { ExitCode::from(DAMAGED) } else { ExitCode::FAILURE }
}

/// What to do next, where the error itself does not say it.
fn advice(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            of_store(error)
        } else {
            let io = cause.downcast_ref::<std::io::Error>();
            io.and_then(|error| of_io(error.kind())).map(str::to_owned)
        }
    })
}

fn of_store(error: &StoreError) -> Option<String> {
    if error.is_permission_denied() {
        return of_io(ErrorKind::PermissionDenied).map(str::to_owned);
    }
    let advice = match error {
        StoreError::Directory(error) => {
            return Some(ask_the_holder(error).unwrap_or_else(|| error.way_out()));
        }
        StoreError::Key(error) => return Some(error.way_out()),
        StoreError::Corrupt { .. }
        | StoreError::Damaged { .. }
        | StoreError::Unsealable { .. }
        | StoreError::Database(_) => {
            "To find all that is damaged, run satchel verify. To see what can be done about it, stop \
             the server and run satchel recover, each with --data DIR."
        }
        StoreError::DiskFull => "Make room on the disk, then try again.",
        StoreError::ReadOnly { .. } => {
            "See what the system's log says of the disk, then start the server again."
        }
        StoreError::Io { source, .. } => of_io(source.kind())?,
        // They say it themselves.
        StoreError::InventoryDamaged(damage) => {
            return recover::library_sentence(&damage.directory);
        }
        StoreError::FileSizeLimit
        | StoreError::Reopening
        | StoreError::Busy
        | StoreError::Cancelled(_)
        | StoreError::NoInventory { .. }
        | StoreError::NothingToUndo
        | StoreError::RecordLarge { .. }
        | StoreError::OverLimit { .. }
        | StoreError::TextLarge { .. }
        | StoreError::ChangeLarge { .. } => return None,
    };
    Some(advice.to_owned())
}

fn of_io(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::AddrInUse => {
            Some("Another program listens there: stop it, or choose another port with --listen.")
        }
        ErrorKind::AddrNotAvailable => {
            Some("This machine has no such address: `ip address` lists those that it has.")
        }
        ErrorKind::PermissionDenied => Some(
            "Run it as the user to whom the files belong. A port below 1024 needs root or the \
             capability CAP_NET_BIND_SERVICE.",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("Make room on the disk, then try again.")
        }
        // About the many others there is nothing to say that they do not.
        _ => None,
    }
}

/// The command to type instead, where a server holds the data directory.
fn ask_the_holder(error: &DirectoryError) -> Option<String> {
    let DirectoryError::InUse { holder: LockHolder { url: Some(url), .. }, .. } = error else {
        return None;
    };
    if std::env::args().nth(1).is_some_and(|word| word == RECOVER) {
        return Some("Stop it first: a recovery needs the data directory for itself.".to_owned());
    }
    let command = at_server(std::env::args(), url)?;
    Some(format!("Ask the server:\n  {command}\nor stop it first."))
}

/// The same command line, at the server that holds the data directory. `serve` has none.
fn at_server(mut arguments: impl Iterator<Item = String>, url: &str) -> Option<String> {
    let mut words = vec!["satchel".to_owned()];
    let subcommand = arguments.nth(1).filter(|word| word != SERVE)?;
    words.push(quoted(subcommand));
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--data" | "--user" => drop(arguments.next()),
            _ if word.starts_with("--data=") || word.starts_with("--user=") => {}
            _ => words.push(quoted(word)),
        }
    }
    words.extend(["--server", url, "--user", FIRST_USER_NAME].map(str::to_owned));
    Some(words.join(" "))
}

/// A word as a shell reads it.
fn quoted(word: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_deepest_cause_that_is_known_gives_the_advice() {
        let inner: Result<(), _> = Err(std::io::Error::from(ErrorKind::AddrInUse));
        let error = inner.context("Nothing can listen on [::1]:80").unwrap_err();
        assert!(advice(&error).unwrap().contains("--listen"));
        let (directory, holder) = ("R 1%".into(), LockHolder::default());
        let store = StoreError::from(DirectoryError::InUse { directory, holder });
        assert!(advice(&anyhow::Error::new(store)).unwrap().contains("stop it"));
        let source = std::io::Error::from(ErrorKind::PermissionDenied);
        let store = StoreError::Io { what: "x".to_owned(), source };
        let error = anyhow::Error::new(store).context("outside");
        assert!(advice(&error).unwrap().contains("user"));
        assert_eq!(advice(&anyhow::anyhow!("é>b")), None);
    }

    #[test]
    fn the_command_that_is_shown_can_be_typed() {
        let at = |words: &[&str]| {
            at_server(words.iter().map(ToString::to_string), "http://127.0.0.1:4711")
        };
        let words = ["x/satchel", "import", "a b's.zip", "--data", "d", "--data=e", "--json"];
        let expected =
            "satchel import 'a b'\\''s.zip' --json --server http://127.0.0.1:4711 --user admin";
        assert_eq!(at(&words).as_deref(), Some(expected));
        assert_eq!(at(&["satchel", "serve", "--data", "d"]), None);
        assert_eq!(at(&["satchel"]), None);
    }

    #[test]
    fn a_problem_of_the_command_has_the_shape_of_the_servers() {
        let error = anyhow::anyhow!("there is no é>b").context("outside");
        let problem: Value = serde_json::from_str(&document(&error, Some("Make one."))).unwrap();
        assert_eq!(problem["title"], TITLE);
        assert_eq!(problem["detail"], "Outside: there is no é>b. Make one.");
    }
}
