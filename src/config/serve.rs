//! The settings of `satchel serve`, with their units, bounds and defaults.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum, value_parser};

use super::backup::BackupConfig;
use super::ldap::LdapConfig;
use super::listen::ListenList;
use crate::access::{RightsModel, SessionLimits};
use crate::audit::{KeptEntries, SyslogOptions, SyslogTarget};
use crate::http::{HealthAccess, HostNames, Limits, TrustedProxies};
use crate::inventory::Dialect;
use crate::model::SecretNames;
use crate::store::{self, GenerationLimits, KeptGenerations};
use crate::tls::CertificateFiles;

/// The file with the host's name on Linux.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// The server's name if the host has none.
const DEFAULT_NAME: &str = "satchel";

/// The longest name of a server, in bytes. The name is shown on one line; a host's name is no longer.
const NAME_BYTES_MAX: usize = 255;

/// The smallest cache, in MiB. A smaller one does not hold the inner pages of a large inventory.
const CACHE_MIB_MIN: u64 = 16;

/// The largest cache, in MiB. A larger value is probably in another unit by mistake.
const CACHE_MIB_MAX: u64 = 64 * 1024;

/// The largest database that is checked at start, in MiB. A larger value is probably in another
/// unit by mistake.
const CHECK_AT_OPEN_MIB_MAX: u64 = 64 * 1024;

/// The default age up to which changes are kept, in days: changes of the same week of the last year
/// are still there.
const HISTORY_DAYS: u32 = 400;

/// The largest age of kept changes, in days: a hundred years. A larger value is a mistake.
const HISTORY_DAYS_MAX: i64 = 36_500;

/// The default size of the history, in MiB: more than a million changes of devices.
const HISTORY_MIB: u64 = 512;

/// The largest size of the history, in MiB. A larger value is probably in another unit by mistake.
const HISTORY_MIB_MAX: u64 = 64 * 1024;

/// The default size of the audit log, in MiB: 56 days of the greatest flood of failed logins, and years of
/// ordinary use. It is a bound of its own, so that a flood cannot push out the history.
const AUDIT_MIB: u64 = 256;

/// The largest number of kept generations. Each is a copy of the inventory.
const GENERATIONS_KEPT_MAX: u64 = 100;

/// The largest size of all kept generations, in MiB: 4 TiB. A larger value is probably in another unit by
/// mistake.
const GENERATIONS_MIB_MAX: u64 = 4 * 1024 * 1024;

/// The default number of kept texts of each device: about three weeks of daily changes.
const CONFIGURATIONS_KEPT: u16 = 20;

/// The default size of all kept texts, in MiB: three of a million devices with 20 KB each.
const CONFIGURATIONS_MIB: u64 = 16 * 1024;

/// The largest size of all kept texts, in MiB: 4 TiB. A larger value is probably in another unit by mistake.
const CONFIGURATIONS_MIB_MAX: u64 = 4 * 1024 * 1024;

/// The largest number of kept texts of each device. All of them can be listed at once.
const CONFIGURATIONS_KEPT_MAX: i64 = 1000;

/// The longest time without a request in a session, in minutes: one day.
const SESSION_IDLE_MINUTES_MAX: u64 = 24 * 60;

/// The longest session, in hours: 30 days. A longer one is a token's work.
const SESSION_HOURS_MAX: u64 = 30 * 24;

const MIB_BYTES: u64 = 1024 * 1024;

/// The largest number of connections. Each takes a file descriptor, and no system allows a process
/// more by default.
const CONNECTIONS_MAX: i64 = 65_535;

/// The longest wait, in milliseconds: one day. A client that sends nothing for longer has ended.
const WAIT_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// `satchel serve`
#[derive(Args, Clone, Debug)]
pub struct ServeConfig {
    /// Directory of the inventory, the bundles and the key; created if it is missing
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,

    /// File with the key that encrypts secrets, outside of the data directory [default: key in the data
    /// directory]
    #[arg(long, env = "SATCHEL_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// IP address and port to listen on; port 0 picks a free port. `https://` before it encrypts. Several
    /// are separated by commas
    #[arg(
        long,
        env = "SATCHEL_LISTEN",
        value_name = "ADDRS",
        default_value = "127.0.0.1:8080",
        value_parser = ListenList::parse
    )]
    pub listen: ListenList,

    /// PEM file of the server's certificate, followed by those of its authorities. Without it, the server
    /// makes a self-signed certificate
    #[arg(long, env = "SATCHEL_TLS_CERTIFICATE", value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,

    /// PEM file of the private key of the certificate
    #[arg(long, env = "SATCHEL_TLS_KEY", value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// PEM file of the authorities whose certificates log clients in: the common name in the certificate is
    /// the name of the user
    #[arg(long, env = "SATCHEL_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,

    /// Listen without encryption for other machines too, although passwords can then be read on the network
    #[arg(long, env = "SATCHEL_UNENCRYPTED_PASSWORDS", num_args = 0..=1, default_value_t = false,
          default_missing_value = "true", action = ArgAction::Set)]
    pub unencrypted_passwords: bool,

    /// Host names under which clients may address the server, separated by commas; `*` accepts all. IP
    /// addresses, localhost and the host's own name are always accepted
    #[arg(long, env = "SATCHEL_HOSTS", value_name = "NAMES", value_parser = host_list)]
    hosts: Option<HostList>,

    /// Addresses and networks of proxies, separated by commas. The address of their client is taken from
    /// X-Forwarded-For or Forwarded
    #[arg(long, env = "SATCHEL_TRUSTED_PROXIES", value_name = "NETWORKS",
          value_parser = TrustedProxies::parse)]
    pub trusted_proxies: Option<TrustedProxies>,

    /// Who may ask /livez and /readyz without a login: `local` is programs on this machine, `network`
    /// is every client
    #[arg(long, env = "SATCHEL_HEALTH", value_enum, default_value = "local")]
    pub health: HealthWord,

    /// Names of custom properties that are encrypted and not shown, separated by commas. `usual` stands for
    /// the usual names of passwords, keys and communities, `*` in a pattern for any text, and `!` before a
    /// pattern excepts its names. `none` encrypts no custom property
    #[arg(
        long,
        env = "SATCHEL_SECRET_PROPERTIES",
        value_name = "PATTERNS",
        default_value = "usual"
    )]
    secret_properties: SecretNames,

    /// Name of the server [default: the host's name]
    #[arg(long, env = "SATCHEL_NAME", value_name = "NAME", value_parser = server_name)]
    name: Option<String>,

    /// Names of relations in responses: `enms` adds the names of eNMS to Satchel's
    #[arg(long, env = "SATCHEL_DIALECT", value_enum, default_value = "satchel")]
    pub dialect: DialectWord,

    /// Who decides about the rights of users who are no administrators: `login` lets every user read
    /// everything, `groups` uses the groups of users and records
    #[arg(long, env = "SATCHEL_RIGHTS", value_enum, default_value = "login")]
    pub rights: RightsWord,

    /// Memory for the database cache in MiB, 16 to 65536. An import needs this amount a second
    /// time. Use more for a large inventory
    #[arg(long, env = "SATCHEL_CACHE_MIB", value_name = "MIB", default_value_t = default_cache_mib(),
          value_parser = value_parser!(u64).range(CACHE_MIB_MIN..=CACHE_MIB_MAX))]
    cache_mib: u64,

    /// Size in MiB up to which a database is checked for damage at start, 0 to 65536; a larger one
    /// is checked by `satchel verify` and by each export
    #[arg(long, env = "SATCHEL_CHECK_AT_OPEN_MIB", value_name = "MIB",
          default_value_t = default_check_at_open_mib(),
          value_parser = value_parser!(u64).range(..=CHECK_AT_OPEN_MIB_MAX))]
    check_at_open_mib: u64,

    /// Days for which the history keeps changes, 1 to 36500
    #[arg(long, env = "SATCHEL_HISTORY_DAYS", value_name = "DAYS", default_value_t = HISTORY_DAYS,
          value_parser = value_parser!(u32).range(1..=HISTORY_DAYS_MAX))]
    history_days: u32,

    /// Size of the history in MiB, 1 to 65536; the oldest changes are removed beyond it
    #[arg(long, env = "SATCHEL_HISTORY_MIB", value_name = "MIB", default_value_t = HISTORY_MIB,
          value_parser = value_parser!(u64).range(1..=HISTORY_MIB_MAX))]
    history_mib: u64,

    /// Size of the audit log in MiB, 1 to 65536; the oldest entries are removed beyond it, and those older than
    /// history_days
    #[arg(long, env = "SATCHEL_AUDIT_MIB", value_name = "MIB", default_value_t = AUDIT_MIB,
          value_parser = value_parser!(u64).range(1..=HISTORY_MIB_MAX))]
    audit_mib: u64,

    /// Syslog collector to which the entries of the audit log are sent: udp://HOST:PORT, tcp://HOST:PORT or
    /// tls://HOST:PORT
    #[arg(long, env = "SATCHEL_SYSLOG", value_name = "URL")]
    syslog: Option<SyslogTarget>,

    /// PEM file of the certificate of the syslog collector, or of its authority; needed for tls://
    #[arg(long, env = "SATCHEL_SYSLOG_CA", value_name = "FILE")]
    syslog_ca: Option<PathBuf>,

    /// Copies of the inventory from before the last imports, 1 to 100. They are needed to show and undo
    /// what an import changed
    #[arg(long, env = "SATCHEL_GENERATIONS_KEPT", value_name = "NUMBER",
          default_value_t = GenerationLimits::DEFAULT.count_max as u64,
          value_parser = value_parser!(u64).range(1..=GENERATIONS_KEPT_MAX))]
    generations_kept: u64,

    /// Size of these copies in MiB, 0 to 4194304; the oldest are removed beyond it. The one before the
    /// last import always stays
    #[arg(long, env = "SATCHEL_GENERATIONS_MIB", value_name = "MIB",
          default_value_t = GenerationLimits::DEFAULT.bytes_max / MIB_BYTES,
          value_parser = value_parser!(u64).range(..=GENERATIONS_MIB_MAX))]
    generations_mib: u64,

    /// Number of the last configurations of each device that stay when the history removes their
    /// changes, 0 to 1000; also of its operational data
    #[arg(long, env = "SATCHEL_CONFIGURATIONS_KEPT", value_name = "COUNT",
          default_value_t = CONFIGURATIONS_KEPT,
          value_parser = value_parser!(u16).range(0..=CONFIGURATIONS_KEPT_MAX))]
    configurations_kept: u16,

    /// Size of these configurations in MiB, 1 to 4194304. Beyond it, each device keeps its share: the oldest
    /// ones go first
    #[arg(long, env = "SATCHEL_CONFIGURATIONS_MIB", value_name = "MIB",
          default_value_t = CONFIGURATIONS_MIB,
          value_parser = value_parser!(u64).range(1..=CONFIGURATIONS_MIB_MAX))]
    configurations_mib: u64,

    /// Create no default password: the log shows a one-time link on which the first administrator sets
    /// one. Always so if the server listens on other than loopback addresses
    #[arg(long, env = "SATCHEL_SETUP_LINK", num_args = 0..=1, default_value_t = false,
          default_missing_value = "true", action = ArgAction::Set)]
    pub setup_link: bool,

    /// Minutes without a request after which the session of a browser ends, 1 to 1440
    #[arg(long, env = "SATCHEL_SESSION_IDLE_MINUTES", value_name = "MINUTES",
          default_value_t = SessionLimits::DEFAULT.idle.as_secs() / 60,
          value_parser = value_parser!(u64).range(1..=SESSION_IDLE_MINUTES_MAX))]
    session_idle_minutes: u64,

    /// Hours after the login when the session of a browser ends, 1 to 720
    #[arg(long, env = "SATCHEL_SESSION_HOURS", value_name = "HOURS",
          default_value_t = SessionLimits::DEFAULT.life.as_secs() / 3600,
          value_parser = value_parser!(u64).range(1..=SESSION_HOURS_MAX))]
    session_hours: u64,

    /// File whose first line is the password of the first administrator; used while it has none or the
    /// default
    #[arg(long, env = "SATCHEL_ADMIN_PASSWORD_FILE", value_name = "FILE")]
    pub admin_password_file: Option<PathBuf>,

    /// Start with a small sample inventory if the inventory is empty
    #[arg(long)]
    pub demo: bool,

    /// The stored backups.
    #[command(flatten)]
    pub backup: BackupConfig,

    /// The LDAP servers that check passwords.
    #[command(flatten)]
    pub ldap: LdapConfig,

    /// The settings of the log.
    #[command(flatten)]
    pub log: LogConfig,

    /// The limits on connections and requests.
    #[command(flatten)]
    pub limits: LimitsConfig,
}

impl ServeConfig {
    /// The server's name.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(host_name)
    }

    /// The names under which clients may address the server.
    pub fn host_names(&self) -> HostNames {
        HostNames::new(&host_name(), self.listed_hosts())
    }

    /// The names in the setting `hosts`.
    pub fn listed_hosts(&self) -> &[String] {
        self.hosts.as_ref().map_or(&[], |hosts| &hosts.0)
    }

    /// The site's own certificate. `None` means a self-signed one.
    pub fn certificate(&self) -> Option<CertificateFiles> {
        let (certificate, key) = (self.tls_certificate.clone()?, self.tls_key.clone()?);
        Some(CertificateFiles { certificate, key })
    }

    /// The times after which sessions end.
    pub fn session_limits(&self) -> SessionLimits {
        SessionLimits {
            idle: Duration::from_secs(self.session_idle_minutes * 60),
            life: Duration::from_secs(self.session_hours * 60 * 60),
        }
    }

    /// The name of the host.
    pub fn host(&self) -> String {
        host_name()
    }

    /// How long and up to which size the audit log keeps its entries.
    pub fn kept_audit_entries(&self) -> KeptEntries {
        KeptEntries {
            age_max: Duration::from_secs(u64::from(self.history_days) * 24 * 60 * 60),
            bytes_max: self.audit_mib * MIB_BYTES,
        }
    }

    /// The collector of the audit log's entries. `None` sends nothing.
    ///
    /// # Errors
    /// [`SyslogNeedsCa`].
    pub fn syslog_options(&self) -> Result<Option<SyslogOptions>, SyslogNeedsCa> {
        let Some(target) = self.syslog.clone() else { return Ok(None) };
        if target.is_encrypted() && self.syslog_ca.is_none() {
            return Err(SyslogNeedsCa { target });
        }
        let host = self.host();
        Ok(Some(SyslogOptions { target, authority: self.syslog_ca.clone(), host }))
    }

    /// How much of the history is kept.
    pub fn history_limits(&self) -> store::HistoryLimits {
        store::HistoryLimits {
            age_max: Duration::from_secs(u64::from(self.history_days) * 24 * 60 * 60),
            bytes_max: self.history_mib * MIB_BYTES,
            texts_kept: usize::from(self.configurations_kept),
            text_bytes_max: self.configurations_mib * MIB_BYTES,
        }
    }

    /// The options to open the store with.
    pub fn store_options(&self) -> store::Options {
        store::Options {
            cache_bytes: self.cache_mib * MIB_BYTES,
            checked_at_open_bytes_max: self.check_at_open_mib * MIB_BYTES,
            generations: KeptGenerations::UpTo(GenerationLimits {
                // The range of the setting ends at 100.
                count_max: self.generations_kept as usize,
                bytes_max: self.generations_mib * MIB_BYTES,
            }),
            key_file: store::key_file(self.key_file.as_deref()),
            secret_names: store::secret_names(self.secret_properties.clone()),
            ..store::Options::default()
        }
    }
}

/// The collector's certificate cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the setting syslog is {target}, so syslog_ca must name the PEM file of its certificate or authority"
)]
pub struct SyslogNeedsCa {
    /// The collector.
    target: SyslogTarget,
}

/// The value of the setting `hosts`.
#[derive(Clone, Debug)]
struct HostList(Vec<String>);

/// The names under which instances show their relations, unless a request says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DialectWord {
    /// Satchel's names
    Satchel,
    /// Satchel's names and, where they differ, eNMS's
    Enms,
}

/// The clients that may ask about the health without a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HealthWord {
    /// Programs on this machine
    Local,
    /// Every client
    Network,
}

impl From<HealthWord> for HealthAccess {
    fn from(word: HealthWord) -> Self {
        match word {
            HealthWord::Local => Self::Local,
            HealthWord::Network => Self::Network,
        }
    }
}

/// The model of the rights of users who are not administrators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RightsWord {
    /// Every user can read everything
    Login,
    /// The groups of users and records
    Groups,
}

impl From<RightsWord> for RightsModel {
    fn from(word: RightsWord) -> Self {
        match word {
            RightsWord::Login => Self::Login,
            RightsWord::Groups => Self::Groups,
        }
    }
}

impl From<DialectWord> for Dialect {
    fn from(word: DialectWord) -> Self {
        match word {
            DialectWord::Satchel => Self::Satchel,
            DialectWord::Enms => Self::Enms,
        }
    }
}

/// The settings of the log, which goes to standard error.
#[derive(Args, Clone, Debug)]
pub struct LogConfig {
    /// What to log: error, warn, info, debug, trace, or a list like `info,satchel::requests=off`
    #[arg(long = "log", env = "SATCHEL_LOG", value_name = "FILTER", default_value = "info")]
    pub filter: String,

    /// Format of the log lines
    #[arg(long = "log-format", env = "SATCHEL_LOG_FORMAT", value_enum, default_value = "human")]
    pub format: LogFormat,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

/// The limits for clients.
#[derive(Args, Clone, Debug)]
pub struct LimitsConfig {
    /// Maximum number of open connections, 1 to 65535. Beyond it, the connection that is idle for the longest
    /// time is closed; if none is idle, further connections wait
    #[arg(long, env = "SATCHEL_CONNECTIONS_MAX", value_name = "COUNT", help_heading = "Limits",
          default_value_t = default_connections(),
          value_parser = value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections_max: u32,

    /// Maximum number of open connections of one address, 1 to 65535. Loopback addresses and trusted
    /// proxies have no such limit
    #[arg(long, env = "SATCHEL_CONNECTIONS_PER_ADDRESS_MAX", value_name = "COUNT",
          help_heading = "Limits", default_value_t = default_connections_per_address(),
          value_parser = value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections_per_address_max: u32,

    /// Milliseconds to wait for a request's head, and for the next request on an idle connection, up
    /// to a day
    #[arg(long, env = "SATCHEL_HEAD_WAIT_MS", value_name = "MS", help_heading = "Limits",
          default_value_t = milliseconds(Limits::default().head_wait),
          value_parser = value_parser!(u64).range(1..=WAIT_MS_MAX))]
    head_wait_ms: u64,

    /// Milliseconds to wait for the next part of the request body, up to a day
    #[arg(long, env = "SATCHEL_BODY_WAIT_MS", value_name = "MS", help_heading = "Limits",
          default_value_t = milliseconds(Limits::default().body_wait),
          value_parser = value_parser!(u64).range(1..=WAIT_MS_MAX))]
    body_wait_ms: u64,

    /// Milliseconds to wait for a client to read the next part of the response, up to a day
    #[arg(long, env = "SATCHEL_WRITE_WAIT_MS", value_name = "MS", help_heading = "Limits",
          default_value_t = milliseconds(Limits::default().write_wait),
          value_parser = value_parser!(u64).range(1..=WAIT_MS_MAX))]
    write_wait_ms: u64,

    /// Milliseconds to wait for open requests when the server stops, up to a day
    #[arg(long, env = "SATCHEL_SHUTDOWN_WAIT_MS", value_name = "MS", help_heading = "Limits",
          default_value_t = milliseconds(Limits::default().shutdown_wait),
          value_parser = value_parser!(u64).range(0..=WAIT_MS_MAX))]
    shutdown_wait_ms: u64,
}

impl LimitsConfig {
    /// The limits for the server.
    pub fn limits(&self) -> Limits {
        Limits {
            connections_max: usize::try_from(self.connections_max).unwrap_or(usize::MAX),
            connections_per_address_max: usize::try_from(self.connections_per_address_max)
                .unwrap_or(usize::MAX),
            head_wait: Duration::from_millis(self.head_wait_ms),
            body_wait: Duration::from_millis(self.body_wait_ms),
            write_wait: Duration::from_millis(self.write_wait_ms),
            shutdown_wait: Duration::from_millis(self.shutdown_wait_ms),
        }
    }
}

fn default_cache_mib() -> u64 {
    store::Options::default().cache_bytes / MIB_BYTES
}

fn default_check_at_open_mib() -> u64 {
    store::Options::default().checked_at_open_bytes_max / MIB_BYTES
}

fn default_connections() -> u32 {
    u32::try_from(Limits::default().connections_max).unwrap_or(u32::MAX)
}

fn default_connections_per_address() -> u32 {
    u32::try_from(Limits::default().connections_per_address_max).unwrap_or(u32::MAX)
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

fn host_name() -> String {
    let name = std::fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    match name.trim() {
        "" => DEFAULT_NAME.to_owned(),
        name => name.to_owned(),
    }
}

fn server_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.len() > NAME_BYTES_MAX || text.contains(char::is_control) {
        return Err(format!(
            "expected a name of 1 to {NAME_BYTES_MAX} bytes without control characters"
        ));
    }
    Ok(text.to_owned())
}

fn host_list(text: &str) -> Result<HostList, String> {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
    match names
        .iter()
        .find(|name| *name != "*" && (name.is_empty() || !name.chars().all(is_of_name)))
    {
        Some(wrong) => Err(format!(
            "expected host names without port, separated by commas, but found “{wrong}”"
        )),
        None => Ok(HostList(names)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        serve: ServeConfig,
    }

    fn parse(arguments: &[&str]) -> Result<ServeConfig, clap::Error> {
        let words = ["x"].iter().chain(arguments);
        Only::try_parse_from(words).map(|only| only.serve)
    }

    #[test]
    fn the_defaults_are_those_of_the_store_and_the_server() {
        let config = parse(&[]).unwrap();
        let secret_names = store::secret_names(SecretNames::USUAL);
        let defaults = store::Options { secret_names, ..store::Options::default() };
        assert_eq!(config.store_options(), defaults);
        let (limits, defaults) = (config.limits.limits(), Limits::default());
        assert_eq!(format!("{limits:?}"), format!("{defaults:?}"));
        assert_eq!(config.name(), host_name());
        assert!(!config.name().is_empty());
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        for (flag, value) in [
            ("--cache-mib", "15"),
            ("--cache-mib", "65537"),
            ("--cache-mib", "128M"),
            ("--connections-max", "0"),
            ("--connections-max", "65536"),
            ("--head-wait-ms", "0"),
            ("--body-wait-ms", "86400001"),
            ("--hosts", ""),
            ("--hosts", "inventory.example.net,"),
            ("--hosts", "inventory.example.net:8080"),
            ("--trusted-proxies", "proxy.example.net"),
            ("--name", ""),
            ("--name", " "),
            ("--name", "a\nb"),
            ("--name", &"x".repeat(256)),
            ("--listen", "localhost:8080"),
            ("--tls-certificate", "only-one.pem"),
            ("--log-format", "xml"),
            ("--data", ""),
        ] {
            assert!(parse(&[flag, value]).is_err(), "{flag} {value:?}");
        }
        let config = parse(&["--cache-mib", "16", "--name", "R 1%"]).unwrap();
        assert_eq!(config.store_options().cache_bytes, 16 * MIB_BYTES);
        assert_eq!(config.name(), "R 1%");
    }
}
