//! `satchel serve`: opens the inventory, serves it over HTTP and closes it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::access_upkeep::keep_up;
use super::core_dumps;
use super::first_start;
use super::interrupt::EXIT_INTERRUPTED;
use super::listeners::{self, BoundListener, Listeners};
use super::logging;
use super::owner::{self, owner_to_switch_to};
use super::privileges;
use super::supervisor::Supervisor;
use crate::access::{
    self, Accounts, CreatedFile, InventoryAccounts, LdapServers, RightsModel, Setup, Tokens,
};
use crate::audit::{AuditFolder, AuditLog, AuditOptions, Event, EventKind, Recorded};
use crate::backup::{BackupSchedule, Backups};
use crate::config::{Parsed, ServeConfig, SettingSource};
use crate::http::{self, App, AppParts, Drained};
use crate::inventory::{HistoryLinks, Inventory};
use crate::job::Jobs;
use crate::migration::{Demo, Migration};
use crate::model::Kind;
use crate::store::{HistoryTrimmer, Options, Origin, Store};
use crate::topology::Topology;
use crate::wording::Chain;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel serve --demo
      serves a sample inventory at http://127.0.0.1:8080
  satchel serve --data /var/lib/satchel --listen https://0.0.0.0:8443
      listens on all addresses; the log shows a link on which admin sets a password";

/// Serves until a signal arrives.
pub(super) fn run(config: &ServeConfig, parsed: &Parsed) -> anyhow::Result<ExitCode> {
    // Held until the end of this function: dropping it writes the last log lines.
    let _log = logging::start(&config.log)?;
    privileges::keep_descriptors_from_children();
    listeners::require_encryption(config)?;
    let supervisor = Arc::new(Supervisor::of_environment());
    let early_listeners = switch_to_owner(config)?;
    core_dumps::forbid().context("Cannot forbid core dumps")?;
    let mut inventory = supervisor.while_starting(|| OpenInventory::open(config))?;
    let directory = inventory.store.directory();
    let listeners = Listeners {
        tls: listeners::tls(config, directory)?,
        bound: match early_listeners {
            Some(bound) => bound,
            None => listeners::bind(&config.listen)?,
        },
    };
    directory.announce(&listeners.local_url())?;
    if let Some(setup) = &inventory.setup {
        first_start::announce(setup, &listeners.public_urls(&config.host()));
    }
    inventory.audit.record_start(
        &format!(
            "satchel {} listens on {}",
            env!("CARGO_PKG_VERSION"),
            listeners.urls().join(", ")
        ),
        settings_in_force(parsed),
    )?;
    let schedule = schedule(config, &inventory)?;
    let app = App::new(AppParts {
        name: config.name(),
        dialect: config.dialect.into(),
        accounts: inventory.accounts.clone(),
        tokens: inventory.tokens.clone(),
        ldap: ldap_servers(config)?,
        audit: inventory.audit.clone(),
        rights: Some(config.rights.into()),
        backups: inventory.backups.clone(),
        schedule: schedule.clone(),
        migration: inventory.migration.clone(),
        topology: inventory.topology.clone(),
        inventory: Inventory::new(inventory.store.clone()),
        jobs: inventory.jobs.clone(),
        limits: config.limits.limits(),
        sessions: config.session_limits(),
        host_names: config.host_names(),
        trusted_proxies: config.trusted_proxies.clone().unwrap_or_default(),
        exposure: first_start::exposure(config),
        health: config.health.into(),
        setup: inventory.setup.take(),
        tls: listeners.tls.clone(),
        routes: http::route_table(),
    })?;

    match config.rights.into() {
        RightsModel::Login => tracing::info!(
            "Rights: every user can read everything, and administrators change it. With \
             rights = \"groups\", the groups of users and records decide."
        ),
        RightsModel::Groups => {
            tracing::info!("Rights: the groups of users and records decide (rights = \"groups\").");
        }
    }
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("Cannot start the threads of the server")?;
    // The watchdog runs on the server's threads, so that it notices if they hang.
    runtime.spawn({
        let (supervisor, store) = (supervisor.clone(), inventory.store.clone());
        async move { supervisor.watch(move || read_from_store(&store)).await }
    });
    let app = Arc::new(app);
    runtime.spawn(keep_up(app.clone(), inventory.tokens.clone(), inventory.store.clone()));
    inventory.store.log_history_losses();
    let trimmer = HistoryTrimmer::start(inventory.store.clone(), config.history_limits())?;
    let backups = schedule.map(|schedule| schedule.start()).transpose();
    let backups = backups.context("Cannot start the threads of scheduled backups")?;
    let shutdown_wait = config.limits.limits().shutdown_wait;
    if let Some(tls) = listeners.tls.clone() {
        runtime.spawn(async move { tls.watch().await });
    }
    let serve_end = runtime.block_on(serve(app, listeners, &supervisor, shutdown_wait));
    // Scheduled backups use the store.
    drop(backups);
    drop(trimmer);
    shut_down(runtime, inventory, serve_end?)
}

/// The LDAP servers of the settings, if there are any. Does not connect: a server that cannot be reached must
/// not prevent the start.
fn ldap_servers(config: &ServeConfig) -> anyhow::Result<Option<LdapServers>> {
    let settings = config.ldap.settings().context("The settings for LDAP cannot be used")?;
    let Some(settings) = settings else { return Ok(None) };
    let servers = LdapServers::new(settings).context("The system provides no random numbers")?;
    tracing::info!(
        "Logins: an LDAP server checks the passwords of users with authentication “ldap”."
    );
    Ok(Some(servers))
}

/// The schedule of backups of the settings, if there is one.
fn schedule(
    config: &ServeConfig,
    inventory: &OpenInventory,
) -> anyhow::Result<Option<BackupSchedule>> {
    let settings = config
        .backup
        .schedule(&config.name())
        .context("The settings for backups cannot be used")?;
    let (backups, jobs) = (inventory.backups.clone(), inventory.jobs.clone());
    let audit = inventory.audit.clone();
    Ok(settings.map(|settings| BackupSchedule::new(settings, backups, jobs, audit)))
}

/// If root serves another user's data directory, makes the process run as that user. The listeners are
/// bound first and returned, because only root can use a port below 1024.
fn switch_to_owner(config: &ServeConfig) -> anyhow::Result<Option<Vec<BoundListener>>> {
    let Some(owner) = owner_to_switch_to(&config.data) else { return Ok(None) };
    let bound = listeners::bind(&config.listen)?;
    tracing::info!("Running as {owner}, the owner of {}.", config.data.display());
    owner::switch_to_owner(&config.data, owner)?;
    Ok(Some(bound))
}

/// The open data directory, and the operations on it.
struct OpenInventory {
    store: Arc<Store>,
    accounts: Arc<dyn Accounts>,
    tokens: Arc<Tokens>,
    backups: Backups,
    audit: Arc<AuditLog>,
    migration: Migration,
    topology: Topology,
    jobs: Jobs,
    /// The set-up of the first administrator. `None` if somebody can log in.
    setup: Option<Setup>,
}

impl OpenInventory {
    fn open(config: &ServeConfig) -> anyhow::Result<Self> {
        let options = Options { command: "serve", ..config.store_options() };
        let store = Arc::new(Store::open_with(&config.data, options)?);
        Inventory::new(store.clone())
            .complete_encryption()
            .context("Cannot compute the members of the pools")?;
        // The settings can keep fewer generations than before.
        store.trim_generations()?;
        let audit = open_audit(config, &store)?;
        let accounts = Arc::new(InventoryAccounts::new(store.clone(), config.rights.into()));
        let backups = Backups::new(store.clone(), config.backup.folder())?;
        let migration = Migration::new(store.clone())?;
        let topology = Topology::new(store.clone())?;
        let jobs = jobs(&store);
        let is_new = store.read().summary()?.version == 0;
        let setup = first_start::prepare(config, &store)?;
        let tokens = Arc::new(Tokens::open(store.clone())?);
        if tokens.create_file()? == CreatedFile::Created && !is_new {
            tracing::warn!(
                "The file “tokens” is missing in the data directory. If users had made tokens, these \
                 are lost and must be made again."
            );
        }
        if setup.is_some() {
            // They were made with a password that everybody knows.
            tokens.revoke_all(access::FIRST_USER_NAME)?;
        }
        if config.demo {
            match migration.demo(&Origin::of_user(access::FIRST_USER_NAME, "demo"))? {
                Demo::Imported(report) => {
                    tracing::info!("Sample inventory: {}", report.summary);
                }
                Demo::NotEmpty => {
                    tracing::info!(
                        "The inventory is not empty, so the sample inventory was not imported."
                    );
                }
            }
        }
        Ok(Self { store, accounts, tokens, audit, backups, migration, topology, jobs, setup })
    }

    /// Makes all changes durable. Does not wait for a running import: the import has not changed
    /// anything yet.
    fn close(self) -> anyhow::Result<()> {
        // The times of use are not worth a failed stop.
        if let Err(error) = self.tokens.maintain() {
            tracing::warn!(error = %Chain(&error), "The last uses of tokens were not noted.");
        }
        self.store.flush()?;
        self.audit.record(Event::new(EventKind::Stop));
        self.audit.close();
        Ok(())
    }
}

/// Opens the audit log.
fn open_audit(config: &ServeConfig, store: &Arc<Store>) -> anyhow::Result<Arc<AuditLog>> {
    let options = AuditOptions {
        folder: AuditFolder::in_data(store.directory().path()),
        kept: Some(config.kept_audit_entries()),
        recorded: Recorded::Everything,
        syslog: config.syslog_options()?,
    };
    let source = Box::new(HistoryLinks::new(store.clone()));
    AuditLog::start(options, source).context("Cannot open the audit log")
}

/// The value of a secret setting in the audit log.
const SECRET_SETTING: &str = "not recorded";

/// Returns the settings that do not have their default. Passwords are in files, so few of them are secrets.
fn settings_in_force(parsed: &Parsed) -> BTreeMap<String, String> {
    let settings = parsed.effective_settings().into_iter();
    settings
        .filter(|setting| setting.source != SettingSource::Default)
        .filter_map(|setting| {
            let value = setting.value?.to_string_lossy().into_owned();
            let name = setting.setting.name().to_owned();
            Some((
                name,
                if setting.setting.is_secret() { SECRET_SETTING.to_owned() } else { value },
            ))
        })
        .collect()
}

/// The jobs of a data directory. Jobs that had not ended are listed as interrupted.
pub(super) fn jobs(store: &Store) -> Jobs {
    Jobs::open(store.directory().jobs(), &|imported| store.has_imported(imported))
}

/// The way in which the server ended.
enum ServeEnd {
    Drained(Drained),
    /// A second signal arrived while requests were open.
    Interrupted,
}

/// Reads from the database, to check that it responds. An error is ignored, because a restart would
/// not repair it.
fn read_from_store(store: &Store) {
    let _ = store.read().contains(Kind::User, access::FIRST_USER_NAME);
}

async fn serve(
    app: Arc<App>,
    listeners: Listeners,
    supervisor: &Supervisor,
    shutdown_wait: Duration,
) -> anyhow::Result<ServeEnd> {
    let urls = listeners.urls();
    let listeners = listeners.register()?;
    let mut signals = Signals::watch().context("Cannot install the signal handlers")?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    announce(&urls);
    supervisor.ready(&urls.join(", "));

    let stopped = async move {
        // A dropped sender stops the server as well.
        let _ = stopped.await;
    };
    let serving = http::listen(app, listeners, stopped);
    tokio::pin!(serving);
    tokio::select! {
        drained = &mut serving => return Ok(ServeEnd::Drained(drained)),
        () = signals.next() => tracing::info!("Stopping: finishing open requests."),
    }
    supervisor.stopping(shutdown_wait);
    drop(stop);
    Ok(tokio::select! {
        drained = serving => ServeEnd::Drained(drained),
        () = signals.next() => ServeEnd::Interrupted,
    })
}

/// Prints a line for each listener on standard output, and nothing else. Scripts that start the server
/// wait for it.
fn announce(urls: &[String]) {
    let mut stdout = std::io::stdout().lock();
    let mut lines = urls.iter();
    let written = lines.try_for_each(|url| writeln!(stdout, "satchel is listening on {url}"));
    if let Err(error) = written.and_then(|()| stdout.flush()) {
        tracing::warn!(%error, "Cannot write to standard output.");
    }
}

fn shut_down(
    runtime: Runtime,
    inventory: OpenInventory,
    serve_end: ServeEnd,
) -> anyhow::Result<ExitCode> {
    // Does not wait for tasks. After `Complete` no task runs. In the other cases the time is over. A
    // stopped import changes nothing.
    runtime.shutdown_background();
    match serve_end {
        ServeEnd::Interrupted => {
            tracing::warn!("Stopped immediately. Open requests were aborted.");
            return Ok(ExitCode::from(EXIT_INTERRUPTED));
        }
        ServeEnd::Drained(Drained::DeadlinePassed) => {
            tracing::warn!("Some open requests took too long and were aborted.");
        }
        ServeEnd::Drained(Drained::Complete) => {}
    }
    inventory.close().context("Cannot close the inventory")?;
    tracing::info!("Stopped.");
    Ok(ExitCode::SUCCESS)
}

/// The signals that stop the server: SIGTERM and SIGINT (Ctrl-C). SIGHUP does not: a closed terminal or a
/// script that means to reload settings must not end it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn watch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => tracing::info!(
                    "SIGHUP does nothing: settings are read at the start. A new certificate is loaded by \
                     itself."
                ),
            }
        }
    }
}
