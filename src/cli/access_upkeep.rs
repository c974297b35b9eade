//! The regular work of a server on its tokens and sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio::time::interval;

use crate::access::Tokens;
use crate::http::App;
use crate::model::Kind;
use crate::store::{Store, StoreError};
use crate::wording::Chain;

/// The interval at which the numbers of the last changes of users and groups are compared. They are in
/// memory, so this costs microseconds.
const USERS_CHECKED_EVERY: Duration = Duration::from_secs(1);

/// The interval at which the uses of tokens are written to their file.
const USES_WRITTEN_EVERY: Duration = Duration::from_secs(60);

/// Revokes tokens and ends sessions when their users change, and writes the uses of tokens, until the
/// runtime stops. Each request checks its user too; this is for users who are changed back, or removed
/// and restored, before the next request.
pub(super) async fn keep_up(app: Arc<App>, tokens: Arc<Tokens>, store: Arc<Store>) {
    let mut seconds = interval(USERS_CHECKED_EVERY);
    let mut checked = None;
    let mut written = Instant::now();
    loop {
        seconds.tick().await;
        let version = users_version(&store).ok();
        if version.is_some() && version != checked {
            checked = version;
            let (app, tokens) = (app.clone(), tokens.clone());
            let ended = spawn_blocking(move || end_stale(&app, &tokens)).await;
            // A panic is in the log already.
            if ended.is_err() {
                return;
            }
        }
        if written.elapsed() >= USES_WRITTEN_EVERY {
            written = Instant::now();
            let tokens = tokens.clone();
            if let Ok(Err(error)) = spawn_blocking(move || tokens.maintain()).await {
                tracing::warn!(error = %Chain(&error), "The uses of tokens were not noted.");
            }
        }
    }
}

/// The numbers of the last changes of users and groups.
fn users_version(store: &Store) -> Result<(u64, u64), StoreError> {
    Ok((store.changed(Kind::User)?, store.changed(Kind::Group)?))
}

/// Revokes the tokens and ends the sessions of changed users, and looks for public passwords.
fn end_stale(app: &App, tokens: &Tokens) {
    if let Err(error) = tokens.revoke_stale() {
        tracing::warn!(error = %Chain(&error), "Tokens of changed users were not revoked.");
    }
    if let Err(error) = app.end_stale_sessions() {
        tracing::warn!(error = %Chain(&error), "The users of sessions could not be checked.");
    }
    if let Err(error) = app.find_public_passwords() {
        tracing::warn!(error = %Chain(&error), "The passwords of users could not be checked.");
    }
}
