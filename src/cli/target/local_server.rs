//! A data directory, answered for by a server within this process.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use anyhow::{Context, bail};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::JoinHandle,
};
use zeroize::Zeroizing;

use super::{
    LocalTarget,
    client::{Client, Login, ServerLocation},
    log_printer, one_time_password,
};
use crate::{
    access::{self, Account, Accounts, AccountsError, FIRST_USER_NAME, Known, Role, hash_password},
    http::{self, App, AppParts, Drained, Limits},
    inventory::Inventory,
    migration::Migration,
    model::User,
    store::{Store, StoreError},
    topology::Topology,
};

/// Threads that pass requests on; the work is done by others.
const THREADS: usize = 2;

/// A data directory that this process holds, and the server that answers for it.
pub(in crate::cli) struct LocalServer {
    runtime: Runtime,
    serving: JoinHandle<Drained>,
    stop: oneshot::Sender<()>,
    store: Arc<Store>,
    address: SocketAddr,
    login: Login,
}

impl LocalServer {
    /// Opens the data directory for the user that it names, or for its first administrator.
    ///
    /// # Errors
    /// [`StoreError::Directory`] if it is missing, in use or another user's; or the user is not
    /// there.
    pub fn open(target: &LocalTarget) -> anyhow::Result<Self> {
        let store = Arc::new(Store::open_with(&target.path, target.options())?);
        access::create_first_user(&store)?;
        let user = match target.user.as_deref() {
            Some(user) if store.read().get::<User>(user)?.is_some() => user.to_owned(),
            Some(user) => bail!("There is no user “{user}” in the inventory"),
            None => first_administrator(&store)?,
        };
        Self::serve(store, user)
    }

    /// Serves a store that is open.
    pub fn serve(store: Arc<Store>, user: String) -> anyhow::Result<Self> {
        log_printer::install();
        let login = Login { user, password: one_time_password()? };
        let accounts = Arc::new(OneTime::new(&login)?);
        let app = App::new(AppParts {
            // No other client than this command sees the name.
            name: "satchel".to_owned(),
            accounts,
            migration: Migration::new(store.clone())?,
            topology: Topology::new(store.clone())?,
            inventory: Inventory::new(store.clone()),
            jobs: crate::cli::serve::jobs(&store),
            limits: Limits::default(),
            routes: http::route_table(),
        })?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("Nothing can listen on 127.0.0.1")?;
        listener.set_nonblocking(true).context("The listener cannot be made non-blocking")?;
        let address = listener.local_addr().context("The listener has no address")?;

        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()
            .context("The threads of the command cannot be started")?;
        let (stop, stopped) = oneshot::channel();
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).context("The listener")?
        };
        let serving = runtime.spawn(http::listen(Arc::new(app), listener, async move {
            // A sender that is gone means the same.
            let _ = stopped.await;
        }));
        Ok(Self { runtime, serving, stop, store, address, login })
    }

    /// Who may ask it.
    pub fn client(&self) -> anyhow::Result<Client> {
        let base = format!("http://{}", self.address).parse().context("The listener's address")?;
        Client::new(&base, &self.login, None, ServerLocation::InProcess)
    }

    /// Ends the server, and makes everything durable.
    ///
    /// # Errors
    /// Something that was asked for is still not done, or the disk's.
    pub fn close(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        let drained = self.runtime.block_on(self.serving).context("The work ended early")?;
        self.runtime.shutdown_background();
        if drained == Drained::DeadlinePassed {
            bail!("Something that was asked for took too long and was given up");
        }
        self.store.flush().context("The inventory cannot be closed")
    }
}

/// The first administrator by name, for whom a command works that names nobody.
fn first_administrator(store: &Store) -> Result<String, StoreError> {
    for stored in store.read().scan::<User>() {
        let user = stored?.record;
        if user.is_admin.get() == Some(&true) {
            return Ok(user.name.as_str().to_owned());
        }
    }
    Ok(FIRST_USER_NAME.to_owned())
}

/// The one account of a server within a process. Whoever may read the data directory may do
/// everything with it.
struct OneTime(Arc<Account>);

impl OneTime {
    fn new(login: &Login) -> anyhow::Result<Self> {
        let hash: Zeroizing<String> = hash_password(&login.password)?;
        let (name, role) = (login.user.clone(), Role::Administrator);
        Ok(Self(Arc::new(Account { name, password_hash: Some(hash), role })))
    }
}

impl Accounts for OneTime {
    fn known(&self, name: &str) -> Known {
        if name == self.0.name { Known::Account(self.0.clone()) } else { Known::Unread }
    }

    fn account(&self, name: &str) -> Result<Option<Arc<Account>>, AccountsError> {
        Ok((name == self.0.name).then(|| self.0.clone()))
    }
}
