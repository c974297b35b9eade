//! What is said when something could not be done: what it was, and what to do next.

use std::io::ErrorKind;

use crate::store::StoreError;

/// Says on standard error what could not be done, and what to do next where that is known.
pub(super) fn report(error: &anyhow::Error) {
    eprintln!("satchel: {error:#}");
    if let Some(advice) = advice(error) {
        eprintln!("{advice}");
    }
}

/// What to do next, where the error itself does not say it.
fn advice(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            of_store(error)
        } else {
            cause.downcast_ref::<std::io::Error>().and_then(|error| of_io(error.kind()))
        }
    })
}

fn of_store(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Corrupt { .. }
        | StoreError::Damaged { .. }
        | StoreError::Unsealable { .. }
        | StoreError::Database(_) => Some(
            "Put a copy of the data directory in its place, or start with an empty one and import \
             the last bundle.",
        ),
        StoreError::InUse { .. } => Some(
            "A server or another command is running on it: stop it, or name another directory.",
        ),
        StoreError::KeyBroken { .. } => Some("Put a copy of the key in its place."),
        StoreError::DiskFull => Some("Make room on the disk, then try again."),
        StoreError::ReadOnly { .. } => {
            Some("See what the system's log says of the disk, then start the server again.")
        }
        StoreError::Io { source, .. } => of_io(source.kind()),
        // They say it themselves.
        StoreError::KeyMissing { .. }
        | StoreError::OtherFormat { .. }
        | StoreError::Busy
        | StoreError::NothingToUndo
        | StoreError::RecordLarge { .. }
        | StoreError::OverLimit { .. }
        | StoreError::TextLarge { .. }
        | StoreError::ChangeLarge { .. } => None,
    }
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

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_deepest_cause_that_is_known_gives_the_advice() {
        let inner: Result<(), _> = Err(std::io::Error::from(ErrorKind::AddrInUse));
        let error = inner.context("Nothing can listen on [::1]:80").unwrap_err();
        assert!(advice(&error).unwrap().contains("--listen"));
        let store = StoreError::InUse { directory: "R 1%".into() };
        assert!(advice(&anyhow::Error::new(store)).unwrap().contains("stop it"));
        let source = std::io::Error::from(ErrorKind::PermissionDenied);
        let store = StoreError::Io { what: "x".to_owned(), source };
        let error = anyhow::Error::new(store).context("outside");
        assert!(advice(&error).unwrap().contains("user"));
        assert_eq!(advice(&anyhow::anyhow!("é>b")), None);
    }
}
