//! The appliance as handlers see it: the operations, the lanes for blocking work, and the routes.

use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, watch};

use super::{
    blocking::Blocking,
    body_memory::BodyMemory,
    client_address::{Exposure, HealthAccess, TrustedProxies},
    connection_table::ConnectionTable,
    host_names::HostNames,
    limited_places::LimitedPlaces,
    limits::Limits,
    metrics::Metrics,
    openapi::Document,
    password_turns::PasswordTurns,
    route::RouteTable,
    user_places::UserPlaces,
};
use crate::{
    access::{
        Accounts, AccountsError, HashError, LdapServers, Login, RightsModel, SessionLimits, Setup,
        Tokens,
    },
    audit::AuditLog,
    backup::{BackupSchedule, Backups},
    inventory::{Dialect, Inventory},
    job::Jobs,
    migration::Migration,
    tls::ServerTls,
    topology::Topology,
};

/// The appliance as HTTP sees it. One for the process, shared by all connections.
pub struct App {
    /// The name that the server reports in `is_alive`: usually the host's name.
    pub(super) name: String,
    /// The dialect of responses whose request names none.
    pub(super) dialect: Dialect,
    pub(super) login: Login,
    pub(super) tokens: Arc<Tokens>,
    pub(super) audit: Arc<AuditLog>,
    /// The model of rights in force; `None` for a command without a server.
    pub(super) rights: Option<RightsModel>,
    pub(super) backups: Backups,
    /// `None` if no backups are scheduled.
    pub(super) schedule: Option<BackupSchedule>,
    pub(super) migration: Migration,
    pub(super) topology: Topology,
    pub(super) inventory: Inventory,
    pub(super) jobs: Jobs,
    pub(super) blocking: Arc<Blocking>,
    /// The places of users among the searches.
    pub(super) search_places: UserPlaces,
    pub(super) body_memory: BodyMemory,
    pub(super) limits: Limits,
    pub(super) host_names: HostNames,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) connections: Arc<ConnectionTable>,
    pub(super) exposure: Exposure,
    pub(super) health: HealthAccess,
    pub(super) setup: Option<Setup>,
    /// Held while a set-up runs, so that a burst of them takes one place in the queue of password checks.
    pub(super) setup_turn: Mutex<()>,
    pub(super) password_turns: PasswordTurns,
    /// The password checks that run or wait.
    pub(super) password_checks: LimitedPlaces,
    /// The certificate; `None` without TLS.
    pub(super) tls: Option<ServerTls>,
    pub(super) metrics: Arc<Metrics>,
    /// The clients that wait for changes.
    pub(super) followers: LimitedPlaces,
    /// The long responses.
    pub(super) streams: Arc<LimitedPlaces>,
    /// Becomes true when the server stops.
    pub(super) stopping: watch::Sender<bool>,
    pub(super) routes: RouteTable,
    /// The OpenAPI description, unpacked for the first request that asks for it.
    pub(super) openapi: OnceLock<Document>,
}

/// The parts of an [`App`].
pub struct AppParts {
    /// The name that the server reports in `is_alive`.
    pub name: String,
    /// The dialect of responses whose request names none.
    pub dialect: Dialect,
    /// The accounts that logins are checked against.
    pub accounts: Arc<dyn Accounts>,
    /// The tokens of users.
    pub tokens: Arc<Tokens>,
    /// The LDAP servers that check passwords, if there are any.
    pub ldap: Option<LdapServers>,
    /// The audit log.
    pub audit: Arc<AuditLog>,
    /// The model of the accounts' rights; `None` for a command without a server.
    pub rights: Option<RightsModel>,
    /// The backups of the data directory.
    pub backups: Backups,
    /// The schedule of backups, for its state. `None` if none are scheduled.
    pub schedule: Option<BackupSchedule>,
    /// Export and import of projects.
    pub migration: Migration,
    /// Export and import of workbooks.
    pub topology: Topology,
    /// The records of the inventory.
    pub inventory: Inventory,
    /// The running and ended jobs.
    pub jobs: Jobs,
    /// The limits on connections and requests.
    pub limits: Limits,
    /// The times after which sessions end.
    pub sessions: SessionLimits,
    /// The names under which clients may address the server.
    pub host_names: HostNames,
    /// The proxies whose word about the address of a client counts.
    pub trusted_proxies: TrustedProxies,
    /// The machines that can reach the server.
    pub exposure: Exposure,
    /// The clients that may ask about the health without a login.
    pub health: HealthAccess,
    /// The set-up of the first administrator. `None` if somebody can log in.
    pub setup: Option<Setup>,
    /// The certificate. `None` if no listener encrypts.
    pub tls: Option<ServerTls>,
    /// [`route_table`](super::route_table), for the metrics, the front page and the OpenAPI
    /// description.
    pub routes: RouteTable,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// [`HashError`] if the system gives no random numbers for the login cache.
    pub fn new(parts: AppParts) -> Result<Self, HashError> {
        let AppParts {
            name,
            dialect,
            accounts,
            tokens,
            ldap,
            audit,
            rights,
            backups,
            schedule,
            migration,
            topology,
            inventory,
            jobs,
            limits,
            sessions,
            host_names,
            trusted_proxies,
            exposure,
            health,
            setup,
            tls,
            routes,
        } = parts;
        let login = Login::new(accounts, tokens.clone(), sessions)?.with_ldap(ldap);
        let operations = routes.iter().map(|route| route.description.operation);
        Ok(Self {
            name,
            dialect,
            login,
            tokens,
            audit,
            rights,
            backups,
            schedule,
            migration,
            topology,
            inventory,
            jobs,
            blocking: Arc::default(),
            search_places: UserPlaces::default(),
            body_memory: BodyMemory::default(),
            connections: ConnectionTable::new(&limits, trusted_proxies.clone()),
            followers: LimitedPlaces::of_followers(limits.connections_max),
            streams: Arc::new(LimitedPlaces::of_streams()),
            password_checks: LimitedPlaces::of_password_checks(),
            stopping: watch::Sender::new(false),
            limits,
            host_names,
            trusted_proxies,
            exposure,
            health,
            setup,
            setup_turn: Mutex::default(),
            password_turns: PasswordTurns::default(),
            tls,
            metrics: Arc::new(Metrics::new(operations)),
            routes,
            openapi: OnceLock::new(),
        })
    }

    /// Ends the sessions whose users have changed. Blocks for reads from disk.
    ///
    /// # Errors
    /// [`AccountsError`] if the users cannot be read.
    pub fn end_stale_sessions(&self) -> Result<(), AccountsError> {
        self.login.end_stale_sessions()
    }

    /// Looks for users whose passwords everybody knows, of which pages warn. Blocks for reads from disk,
    /// and can take the time of a password check.
    ///
    /// # Errors
    /// [`AccountsError`] if the users cannot be read.
    pub fn find_public_passwords(&self) -> Result<(), AccountsError> {
        self.login.find_public_passwords()
    }
}
