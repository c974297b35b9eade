//! The first login to a new inventory: by a default password, a password file, or a set-up link.

use std::sync::Arc;

use anyhow::Context;

use super::target::password_in_file;
use crate::access::{self, FIRST_USER_NAME, FirstUser, NewRights, Setup};
use crate::config::ServeConfig;
use crate::http::{Exposure, paths};
use crate::store::{Origin, Store};

/// The machines that can reach the server. Public passwords work only if no other one can. A server with
/// a set-up link accepts none, because it belongs to an installed service.
pub(super) fn exposure(config: &ServeConfig) -> Exposure {
    if config.listen.is_loopback() && !config.setup_link {
        Exposure::SameMachine
    } else {
        Exposure::Network
    }
}

/// Makes sure that somebody can log in: creates the first user if the inventory is new. Returns a set-up
/// if the first user must set a password in a browser, until somebody has done so.
///
/// # Errors
/// The password file cannot be used, or the store cannot be read or written.
pub(super) fn prepare(config: &ServeConfig, store: &Arc<Store>) -> anyhow::Result<Option<Setup>> {
    let first_user = access::first_user(store)?;
    let needs_password = match first_user {
        FirstUser::NewInventory | FirstUser::HasDefaultPassword => true,
        FirstUser::Other => false,
    };
    if needs_password && let Some(file) = &config.admin_password_file {
        let password = password_in_file(file)?;
        access::set_password(
            store,
            &Origin::internal("admin_password_file"),
            FIRST_USER_NAME,
            &password,
            NewRights::Administrator,
        )
        .with_context(|| format!("Cannot use the password in {}", file.display()))?;
        tracing::info!("The password of “{FIRST_USER_NAME}” was taken from {}.", file.display());
        return Ok(None);
    }
    let has_administrator = access::has_able_administrator(store)?;
    match (exposure(config), first_user) {
        (_, FirstUser::Other) if has_administrator => Ok(None),
        (Exposure::SameMachine, FirstUser::NewInventory) => {
            access::create_first_user(store)?;
            warn_of_default_password();
            Ok(None)
        }
        (Exposure::SameMachine, FirstUser::HasDefaultPassword) if has_administrator => {
            warn_of_default_password();
            Ok(None)
        }
        // An inventory that lost its administrators does not get a default password again.
        (_, _) => {
            access::lock_first_user(store, first_user)?;
            Ok(Some(Setup::new(store.clone()).context("Cannot make a set-up link")?))
        }
    }
}

fn warn_of_default_password() {
    tracing::warn!(
        "User “{FIRST_USER_NAME}” has the default password “{password}”, which works on this machine only. \
         Change it: satchel passwd {FIRST_USER_NAME}",
        password = access::FIRST_USER_PASSWORD
    );
}

/// Logs the set-up links.
pub(super) fn announce(setup: &Setup, urls: &[String]) {
    let Some(code) = setup.code() else { return };
    for url in urls {
        tracing::warn!(
            "Nobody can log in as “{FIRST_USER_NAME}” yet. Set a password: {url}{}?code={code}",
            paths::SETUP.pattern()
        );
    }
}
