//! The server within this process, for commands that work on a data directory.

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
    LocalTarget, Trust,
    client::{Client, Login, ServerLocation},
    log_printer, one_time_password,
};
use crate::{
    access::{
        self, Account, Accounts, AccountsError, CachedAccount, FIRST_USER_NAME, Grants, LdapUser,
        PasswordError, SessionLimits, SetPassword, Tokens, hash_password,
    },
    audit::{AuditFolder, AuditLog, AuditOptions, Recorded},
    backup::{BackupFolder, Backups},
    http::{
        self, App, AppParts, Drained, Exposure, HealthAccess, HostNames, Limits, TrustedProxies,
    },
    inventory::{Dialect, HistoryLinks, Inventory},
    migration::Migration,
    model::User,
    store::{Origin, Store, StoreError},
    topology::Topology,
};

/// The number of threads for connections. Blocking work has its own threads.
const ASYNC_THREADS: usize = 2;

/// An open data directory and its server.
pub(in crate::cli) struct LocalServer {
    runtime: Runtime,
    serving: JoinHandle<Drained>,
    stop: oneshot::Sender<()>,
    store: Arc<Store>,
    audit: Arc<AuditLog>,
    address: SocketAddr,
    login: Login,
}

impl LocalServer {
    /// Opens the data directory and starts its server, for the user of the target or the first
    /// administrator.
    ///
    /// # Errors
    /// [`StoreError::Directory`] if the directory is missing, in use or belongs to another user; or
    /// the user does not exist.
    pub(crate) fn open(target: &LocalTarget) -> anyhow::Result<Self> {
        let store = Arc::new(Store::open_with(&target.path, target.options())?);
        Inventory::new(store.clone())
            .complete_encryption()
            .context("Cannot compute the members of the pools")?;
        access::create_first_user(&store)?;
        let user = match target.user.as_deref() {
            Some(user) if user.contains(':') => bail!(
                "A command cannot act as “{user}”, because the name contains a colon, which HTTP basic \
                 authentication cannot send"
            ),
            Some(user) if store.read().get::<User>(user)?.is_some() => user.to_owned(),
            Some(user) => bail!("There is no user “{user}” in the inventory"),
            None => first_administrator(&store)?,
        };
        Self::serve(store, user, target.backup_folder.clone())
    }

    /// Starts a server for an open store, with `user` as its only account.
    ///
    /// # Errors
    /// No port is free, or the system provides no threads or random numbers.
    pub(crate) fn serve(
        store: Arc<Store>,
        user: String,
        backup_folder: BackupFolder,
    ) -> anyhow::Result<Self> {
        log_printer::install();
        let password = one_time_password()?;
        let accounts = Arc::new(OneTimeAccount::new(&user, &password)?);
        let login = Login::Password { user, password };
        let audit = AuditLog::start(
            AuditOptions {
                folder: AuditFolder::in_data(store.directory().path()),
                kept: None,
                recorded: Recorded::WithoutLogins,
                syslog: None,
            },
            Box::new(HistoryLinks::new(store.clone())),
        )?;
        let app = App::new(AppParts {
            // Only this command uses the server, so the name does not matter.
            name: "satchel".to_owned(),
            dialect: Dialect::default(),
            accounts,
            tokens: Arc::new(Tokens::open(store.clone())?),
            ldap: None,
            audit: audit.clone(),
            rights: None,
            backups: Backups::new(store.clone(), backup_folder)?,
            schedule: None,
            migration: Migration::new(store.clone())?,
            topology: Topology::new(store.clone())?,
            inventory: Inventory::new(store.clone()),
            jobs: crate::cli::serve::jobs(&store),
            limits: Limits::default(),
            sessions: SessionLimits::DEFAULT,
            host_names: HostNames::default(),
            trusted_proxies: TrustedProxies::default(),
            exposure: Exposure::SameMachine,
            health: HealthAccess::Local,
            setup: None,
            tls: None,
            routes: http::route_table(),
        })?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("Cannot listen on 127.0.0.1")?;
        listener.set_nonblocking(true).context("Cannot make the listener non-blocking")?;
        let address = listener.local_addr().context("Cannot get the address of the listener")?;

        let runtime = Builder::new_multi_thread()
            .worker_threads(ASYNC_THREADS)
            .enable_all()
            .build()
            .context("Cannot start the threads of the command")?;
        let (stop, stopped) = oneshot::channel();
        let listener = {
            let _entered = runtime.enter();
            let tcp = tokio::net::TcpListener::from_std(listener);
            http::Listener { tcp: tcp.context("Cannot register the listener")?, tls: None }
        };
        let serving = runtime.spawn(http::listen(Arc::new(app), vec![listener], async move {
            // A dropped sender means the same.
            let _ = stopped.await;
        }));
        Ok(Self { runtime, serving, stop, store, audit, address, login })
    }

    /// A client of the server, with its only account.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let base = format!("http://{}", self.address)
            .parse()
            .context("Invalid address of the listener")?;
        Client::new(&base, &self.login, &Trust::Public, ServerLocation::InProcess)
    }

    /// Stops the server and makes all changes durable.
    ///
    /// # Errors
    /// A request did not finish in time, or the store cannot be flushed.
    pub(crate) fn close(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        let drained =
            self.runtime.block_on(self.serving).context("The server ended unexpectedly")?;
        self.runtime.shutdown_background();
        if drained == Drained::DeadlinePassed {
            bail!("A request took too long and was stopped");
        }
        self.audit.close();
        self.store.flush().context("Cannot close the inventory")
    }
}

/// The name of the first administrator in the order of names whose name HTTP can send: the author if `--user`
/// is not given.
fn first_administrator(store: &Store) -> Result<String, StoreError> {
    for stored in store.read().scan::<User>() {
        let user = stored?.record;
        if user.is_admin.get() == Some(&true) && !user.name.contains(':') {
            return Ok(user.name.as_str().to_owned());
        }
    }
    Ok(FIRST_USER_NAME.to_owned())
}

/// The only account of a server within this process. It has all rights, because a user who can
/// read the data directory has them as well.
struct OneTimeAccount(Arc<Account>);

impl OneTimeAccount {
    fn new(user: &str, password: &str) -> anyhow::Result<Self> {
        let hash: Zeroizing<String> = hash_password(password)?;
        Ok(Self(Arc::new(Account {
            name: user.to_owned(),
            password_hash: Some(hash),
            other_authentication: None,
            grants: Grants::ALL,
        })))
    }
}

impl Accounts for OneTimeAccount {
    fn cached(&self, name: &str) -> CachedAccount {
        if name == self.0.name {
            CachedAccount::Found(self.0.clone())
        } else {
            CachedAccount::Missing
        }
    }

    fn account(&self, name: &str) -> Result<Option<Arc<Account>>, AccountsError> {
        Ok((name == self.0.name).then(|| self.0.clone()))
    }

    fn save_ldap_user(&self, _: &LdapUser) -> Result<(), AccountsError> {
        // No LDAP server is asked.
        Ok(())
    }

    /// The password lasts as long as the command.
    fn set_password(&self, _: &Origin, _: &str, _: &str) -> Result<SetPassword, PasswordError> {
        Ok(SetPassword::NoSuchUser)
    }
}
