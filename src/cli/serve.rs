//! `satchel serve`: opens the inventory, serves it, closes it.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::interrupt::EXIT_INTERRUPTED;
use super::logging;
use super::owner::{self, owner_to_become};
use super::supervisor::Supervisor;
use crate::access::{self, Accounts, InventoryAccounts};
use crate::config::ServeConfig;
use crate::http::{self, App, AppParts, Drained};
use crate::inventory::Inventory;
use crate::job::Jobs;
use crate::migration::{Demo, Migration};
use crate::model::Kind;
use crate::store::{Options, Store};
use crate::topology::Topology;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel serve --demo
      a sample inventory at http://127.0.0.1:8080
  satchel serve --data /var/lib/satchel --listen 0.0.0.0:8080
      reachable from elsewhere, once the user admin has a password of its own";

/// Serves until a signal ends it.
pub(super) fn run(config: &ServeConfig) -> anyhow::Result<ExitCode> {
    // Until the end of this function: what was logged last is written when it is dropped.
    let _log = logging::start(&config.log)?;
    let supervisor = Arc::new(Supervisor::of_environment());
    let bound = become_owner(config)?;
    let opened = supervisor.while_starting(|| Opened::open(config))?;
    require_own_password(config, &*opened.accounts)?;
    let listener = match bound {
        Some(listener) => listener,
        None => bind(config.listen)?,
    };
    let address = listener.local_addr().context("The listener has no address")?;
    opened.store.directory().announce(&format!("http://{}", reachable(address)))?;
    let app = App::new(AppParts {
        name: config.name(),
        accounts: opened.accounts.clone(),
        migration: opened.migration.clone(),
        topology: opened.topology.clone(),
        inventory: Inventory::new(opened.store.clone()),
        jobs: opened.jobs.clone(),
        limits: config.limits.limits(),
        routes: http::route_table(),
    })?;

    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("The threads of the server cannot be started")?;
    // On the threads that serve: that they go on is what the supervisor wants to know.
    runtime.spawn({
        let (supervisor, store) = (supervisor.clone(), opened.store.clone());
        async move { supervisor.watch(move || ask_the_store(&store)).await }
    });
    let shutdown_wait = config.limits.limits().shutdown_wait;
    let ended = runtime.block_on(serve(Arc::new(app), listener, &supervisor, shutdown_wait))?;
    end(runtime, opened, ended)
}

/// Where root serves another user's data directory, becomes that user. The address is taken before:
/// a port below 1024 is root's.
fn become_owner(config: &ServeConfig) -> anyhow::Result<Option<TcpListener>> {
    let Some(owner) = owner_to_become(&config.data) else { return Ok(None) };
    let listener = bind(config.listen)?;
    tracing::info!("working as {owner}, who owns {}", config.data.display());
    owner::become_owner(&config.data, owner)?;
    Ok(Some(listener))
}

/// The address at which a command of this machine reaches a server that listens here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}

/// Everything that lives in the data directory.
struct Opened {
    store: Arc<Store>,
    accounts: Arc<dyn Accounts>,
    migration: Migration,
    topology: Topology,
    jobs: Jobs,
}

impl Opened {
    fn open(config: &ServeConfig) -> anyhow::Result<Self> {
        let options = Options { command: "serve", ..config.store_options() };
        let store = Arc::new(Store::open_with(&config.data, options)?);
        let accounts = Arc::new(InventoryAccounts::new(store.clone()));
        let migration = Migration::new(store.clone())?;
        let topology = Topology::new(store.clone())?;
        let jobs = jobs(&store);
        if access::create_first_user(&store)? {
            tracing::info!(
                "the user “{}” was made, with the password “{}”: change it",
                access::FIRST_USER_NAME,
                access::FIRST_USER_PASSWORD
            );
        }
        if !access::has_able_administrator(&store)? {
            bail!(
                "No administrator of the inventory in {data} can log in: no user has is_admin and a \
                 password. Make one: satchel passwd NAME --administrator --data {data}",
                data = config.data.display()
            );
        }
        if config.demo {
            match migration.demo(access::FIRST_USER_NAME)? {
                Demo::Imported(report) => {
                    tracing::info!("the sample inventory: {}", report.summary)
                }
                Demo::NotEmpty => tracing::info!("there is an inventory: no sample was imported"),
            }
        }
        Ok(Self { store, accounts, migration, topology, jobs })
    }

    /// Makes durable what still waits for it. An import that still runs is not waited for: it has
    /// changed nothing.
    fn close(self) -> anyhow::Result<()> {
        self.store.flush()?;
        Ok(())
    }
}

/// The jobs of a data directory. Those that had not ended are interrupted.
pub(super) fn jobs(store: &Store) -> Jobs {
    Jobs::open(store.directory().jobs(), &|generation| store.is_kept(generation))
}

/// Whoever can reach the server must not find a door that every reader of the manual can open.
fn require_own_password(config: &ServeConfig, accounts: &dyn Accounts) -> anyhow::Result<()> {
    let listen = config.listen;
    if listen.ip().to_canonical().is_loopback() || !access::default_password_in_force(accounts)? {
        return Ok(());
    }
    bail!(
        "The user “{name}” still has the password “{password}”, so the server may listen on this \
         machine alone (--listen 127.0.0.1:{port}). Set another password first: satchel passwd {name} --data {}",
        config.data.display(),
        name = access::FIRST_USER_NAME,
        password = access::FIRST_USER_PASSWORD,
        port = listen.port(),
    )
}

fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener =
        TcpListener::bind(listen).with_context(|| format!("Nothing can listen on {listen}"))?;
    listener.set_nonblocking(true).context("The listener cannot be made non-blocking")?;
    Ok(listener)
}

/// How the serving ended.
enum Ended {
    Drained(Drained),
    /// A second signal came while requests were still in hand.
    Interrupted,
}

/// Reads from the database. An error is an answer too: it is told to who asks for something, and a
/// new start would not mend it.
fn ask_the_store(store: &Store) {
    let _ = store.read().contains(Kind::User, access::FIRST_USER_NAME);
}

async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    supervisor: &Supervisor,
    shutdown_wait: Duration,
) -> anyhow::Result<Ended> {
    let listener = tokio::net::TcpListener::from_std(listener)
        .context("The listener cannot be handed to the server")?;
    let address = listener.local_addr().context("The listener has no address")?;
    let mut signals = Signals::watch().context("Signals cannot be watched")?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    announce(address);
    supervisor.ready(&format!("http://{address}"));

    let stopped = async move {
        // A sender that is gone means the same.
        let _ = stopped.await;
    };
    let serving = http::listen(app, listener, stopped);
    tokio::pin!(serving);
    tokio::select! {
        drained = &mut serving => return Ok(Ended::Drained(drained)),
        () = signals.next() => tracing::info!("stopping: finishing the requests in hand"),
    }
    supervisor.stopping(shutdown_wait);
    drop(stop);
    Ok(tokio::select! {
        drained = serving => Ended::Drained(drained),
        () = signals.next() => Ended::Interrupted,
    })
}

/// The one line on standard output. Whoever started the server waits for it.
fn announce(address: SocketAddr) {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "satchel is listening on http://{address}");
    if let Err(error) = written.and_then(|()| stdout.flush()) {
        tracing::warn!(%error, "standard output takes nothing");
    }
}

fn end(runtime: Runtime, opened: Opened, ended: Ended) -> anyhow::Result<ExitCode> {
    // Not waited for: after `Whole` nothing is left, and otherwise there is no more time. An
    // import that is cut off changes nothing.
    runtime.shutdown_background();
    match ended {
        Ended::Interrupted => {
            tracing::warn!("stopped at once, with requests in hand");
            return Ok(ExitCode::from(EXIT_INTERRUPTED));
        }
        Ended::Drained(Drained::DeadlinePassed) => {
            tracing::warn!("some requests in hand took too long and were cut off");
        }
        Ended::Drained(Drained::Complete) => {}
    }
    opened.close().context("The inventory cannot be closed")?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// SIGTERM and SIGINT (Ctrl-C).
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn watch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
