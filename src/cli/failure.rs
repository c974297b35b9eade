//! Error reports of the command line: the failure and the next step.

use std::io::{ErrorKind, Write};

use serde_json::{Value, json};

use super::{
    output::{self, OutputFormat},
    recover,
    safe_text::safe_lines,
    target::RequestRefused,
};
use crate::{
    access::FIRST_USER_NAME,
    store::{DirectoryError, LockHolder, StoreError},
};

/// The subcommand that starts a server, so it cannot be run against a server.
const SERVE: &str = "serve";

/// The subcommand that works on a data directory only.
const RECOVER: &str = "recover";

/// The title of a problem document that the command itself creates.
const TITLE: &str = "The command failed";

/// Prints an error with its causes on standard error, and the next step if it is known. With
/// `--json` it also prints a problem document on standard output.
pub(super) fn report(error: &anyhow::Error, format: OutputFormat) {
    let advice = advice(error);
    let mut stderr = std::io::stderr().lock();
    // If standard error is closed, the message is lost. The command must not panic.
    let _ = writeln!(stderr, "satchel: {}", safe_lines(&format!("{error:#}")));
    if let Some(advice) = &advice {
        let _ = writeln!(stderr, "{}", safe_lines(advice));
    }
    if format == OutputFormat::Json {
        // If standard output cannot be written, the message is lost.
        let _ = output::print_json(&document(error, advice.as_deref()));
    }
}

/// Prints a problem document about the command line or the settings on standard output.
pub(super) fn report_usage(detail: &str) {
    let detail = detail.trim().trim_start_matches("error: ");
    let _ = output::print_json(&problem(detail).to_string());
}

/// The problem document (RFC 9457): the server's own, or one of the same shape.
fn document(error: &anyhow::Error, advice: Option<&str>) -> String {
    let refused = error.chain().find_map(|cause| cause.downcast_ref::<RequestRefused>());
    if let Some(document) = refused.and_then(|refused| refused.document.clone()) {
        return document;
    }
    let message = sentence(&format!("{error:#}"));
    let detail = match advice {
        Some(advice) => format!("{message} {advice}"),
        None => message,
    };
    problem(&detail).to_string()
}

fn problem(detail: &str) -> Value {
    json!({"type": "about:blank", "title": TITLE, "detail": detail})
}

/// Converts a message to a sentence: with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{stop}", chars.as_str())
}

/// Returns the next step for the user, if the message of the error does not contain it.
fn advice(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            advice_for_store_error(error)
        } else {
            let io = cause.downcast_ref::<std::io::Error>();
            io.and_then(|error| advice_for_io_error(error.kind())).map(str::to_owned)
        }
    })
}

fn advice_for_store_error(error: &StoreError) -> Option<String> {
    if error.is_permission_denied() {
        return advice_for_io_error(ErrorKind::PermissionDenied).map(str::to_owned);
    }
    let advice = match error {
        StoreError::Directory(error) => {
            return Some(command_against_lock_holder(error).unwrap_or_else(|| error.advice()));
        }
        StoreError::Key(error) => return Some(error.advice()),
        StoreError::Corrupt { .. }
        | StoreError::Damaged { .. }
        | StoreError::UndecryptableSecret { .. }
        | StoreError::Database(_) => {
            "To find all damage, run satchel verify --data DIR. To repair it, stop the server and run \
             satchel recover --data DIR."
        }
        StoreError::DiskFull => "Free some disk space, then try again.",
        StoreError::ReadOnly { .. } => {
            "Check the system log for disk errors, then restart the server."
        }
        StoreError::Io { source, .. } => advice_for_io_error(source.kind())?,
        StoreError::InventoryDamaged(damage) => {
            return recover::library_sentence(&damage.directory);
        }
        // The messages of these errors already contain the next step.
        StoreError::FileSizeLimit
        | StoreError::DatabaseRemoved { .. }
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

fn advice_for_io_error(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::AddrInUse => Some(
            "Another program uses this address. Stop it, or choose another port with --listen.",
        ),
        ErrorKind::AddrNotAvailable => {
            Some("This machine does not have this address. `ip address` lists its addresses.")
        }
        ErrorKind::PermissionDenied => Some(
            "Run the command as the owner of the files. A port below 1024 needs root or the \
             capability CAP_NET_BIND_SERVICE.",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("Free some disk space, then try again.")
        }
        // The other kinds need no advice beyond their message.
        _ => None,
    }
}

/// The command to run instead, if a server has locked the data directory.
fn command_against_lock_holder(error: &DirectoryError) -> Option<String> {
    let DirectoryError::InUse { holder: LockHolder { url: Some(url), .. }, .. } = error else {
        return None;
    };
    if std::env::args().nth(1).is_some_and(|word| word == RECOVER) {
        return Some(
            "Stop the server first: a recovery needs exclusive use of the data \
             directory."
                .to_owned(),
        );
    }
    let command = command_against_server(std::env::args(), url)?;
    Some(format!("Run the command against the server:\n  {command}\nor stop the server first."))
}

/// The same command line with `--server` instead of `--data`. `None` for `serve`.
fn command_against_server(
    mut arguments: impl Iterator<Item = String>,
    url: &str,
) -> Option<String> {
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

/// Quotes a word for a shell.
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
    fn the_first_known_cause_gives_the_advice() {
        let inner: Result<(), _> = Err(std::io::Error::from(ErrorKind::AddrInUse));
        let error = inner.context("Nothing can listen on [::1]:80").unwrap_err();
        assert!(advice(&error).unwrap().contains("--listen"));
        let (directory, holder) = ("R 1%".into(), LockHolder::default());
        let store = StoreError::from(DirectoryError::InUse { directory, holder });
        assert!(advice(&anyhow::Error::new(store)).unwrap().contains("stop it"));
        let source = std::io::Error::from(ErrorKind::PermissionDenied);
        let store = StoreError::Io { what: "x".to_owned(), source };
        let error = anyhow::Error::new(store).context("outside");
        assert!(advice(&error).unwrap().contains("owner of the files"));
        assert_eq!(advice(&anyhow::anyhow!("é>b")), None);
    }

    #[test]
    fn the_suggested_command_is_quoted_for_a_shell() {
        let at = |words: &[&str]| {
            command_against_server(words.iter().map(ToString::to_string), "http://127.0.0.1:4711")
        };
        let words = ["x/satchel", "import", "a b's.zip", "--data", "d", "--data=e", "--json"];
        let expected =
            "satchel import 'a b'\\''s.zip' --json --server http://127.0.0.1:4711 --user admin";
        assert_eq!(at(&words).as_deref(), Some(expected));
        assert_eq!(at(&["satchel", "serve", "--data", "d"]), None);
        assert_eq!(at(&["satchel"]), None);
    }

    #[test]
    fn a_problem_document_of_the_command_has_the_shape_of_the_servers() {
        let error = anyhow::anyhow!("there is no é>b").context("outside");
        let problem: Value = serde_json::from_str(&document(&error, Some("Make one."))).unwrap();
        assert_eq!(problem["title"], TITLE);
        assert_eq!(problem["detail"], "Outside: there is no é>b. Make one.");
    }
}
