//! The open connections, and who gets a place when there are too many.
//!
//! - One address has a limited number of places. Loopback addresses and trusted proxies have no such limit,
//!   because many clients can be behind them.
//! - When all places are taken, the connection that has been idle for the longest time is closed. A
//!   connection is idle while no request is in progress: before its first request, within a head, and between
//!   two requests.
//! - Some places are kept for loopback addresses, trusted proxies, and addresses from which somebody logged
//!   in lately.
//! - If no connection is idle, a new one waits.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout};

use super::{client_address::TrustedProxies, connection_state::ConnectionState, limits::Limits};

/// The share of the places that is kept for clients that are known: one in this number.
const RESERVE_SHARE: usize = 8;

/// The share of connections that can wait for a place, in addition to those that have one: one in this
/// number, and at least one. Each holds a file descriptor.
const WAITING_SHARE: usize = 8;

/// The interval at which a waiting connection looks for one that became idle.
const RETRY_WAIT: Duration = Duration::from_millis(100);

/// The time for which an address is known after a login.
const KNOWN_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest number of known addresses: some 100 KB.
const KNOWN_MAX: usize = 4096;

/// The shortest time between two lines in the log about refused connections.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The open connections. One for the process.
pub(super) struct ConnectionTable {
    places_max: usize,
    per_address_max: usize,
    wait_max: Duration,
    trusted_proxies: TrustedProxies,
    open: Mutex<Open>,
    known: Mutex<HashMap<IpAddr, Instant>>,
    /// The number of open connections.
    count: watch::Sender<usize>,
    refused: AtomicU64,
    /// When a refusal was last logged.
    logged: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Open {
    next_id: u64,
    connections: HashMap<u64, Arc<ConnectionState>>,
    waiting: usize,
    given_up: u64,
}

/// The reason why a connection gets no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// Its address has as many as it may have, and a request is in progress on each.
    AddressLimit,
    /// All places are taken, and requests are in progress on all of them.
    Full,
}

/// A client, as the table sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// A loopback address or a trusted proxy. Many clients can be behind it.
    Shared,
    /// An address from which somebody logged in lately.
    Known,
    Unknown,
}

/// The place of a connection, released when this is dropped.
pub(super) struct Place {
    table: Arc<ConnectionTable>,
    id: u64,
}

impl ConnectionTable {
    /// A table without connections.
    pub(super) fn new(limits: &Limits, trusted_proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self {
            places_max: limits.connections_max,
            per_address_max: limits.connections_per_address_max,
            wait_max: limits.head_wait,
            trusted_proxies,
            open: Mutex::default(),
            known: Mutex::default(),
            count: watch::Sender::new(0),
            refused: AtomicU64::new(0),
            logged: Mutex::default(),
        })
    }

    /// Notes that somebody logged in from this address.
    pub(super) fn note_login(&self, address: IpAddr) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let address = address.to_canonical();
        if known.len() >= KNOWN_MAX && !known.contains_key(&address) {
            known.retain(|_, login| login.elapsed() < KNOWN_TIME);
            let oldest = known.iter().min_by_key(|(_, login)| **login);
            if known.len() >= KNOWN_MAX
                && let Some(oldest) = oldest.map(|(address, _)| *address)
            {
                known.remove(&oldest);
            }
        }
        known.insert(address, Instant::now());
    }

    /// Returns a place for a connection, and closes an idle one for it if necessary. Waits if there is none.
    ///
    /// # Errors
    /// [`NoPlace::AddressLimit`] at once; [`NoPlace::Full`] after a wait, or at once if too many wait.
    pub(super) async fn place(
        self: &Arc<Self>,
        state: &Arc<ConnectionState>,
    ) -> Result<Place, NoPlace> {
        match self.try_place(state) {
            Err(NoPlace::Full) => {}
            decided => return decided,
        }
        let Some(_waiting) = Waiting::join(self) else { return Err(NoPlace::Full) };
        let mut count = self.count.subscribe();
        let retry = async {
            loop {
                // An open connection can become idle without a change of the count.
                let _ = timeout(RETRY_WAIT, count.changed()).await;
                match self.try_place(state) {
                    Err(NoPlace::Full) => {}
                    decided => return decided,
                }
            }
        };
        timeout(self.wait_max, retry).await.unwrap_or(Err(NoPlace::Full))
    }

    fn try_place(self: &Arc<Self>, state: &Arc<ConnectionState>) -> Result<Place, NoPlace> {
        let mut open = self.open();
        let standing = self.standing(address(state));
        if standing != Standing::Shared {
            let own = |other: &ConnectionState| address(other) == address(state);
            let count = open.connections.values().filter(|other| own(other)).count();
            if count >= self.per_address_max && !open.close_oldest_idle(own) {
                return Err(NoPlace::AddressLimit);
            }
        }
        let is_unknown =
            |other: &ConnectionState| self.standing(address(other)) == Standing::Unknown;
        let reserve = self.places_max / RESERVE_SHARE;
        let (places, may_close_known) = match standing {
            Standing::Shared | Standing::Known => (self.places_max, true),
            Standing::Unknown => (self.places_max - reserve, false),
        };
        if open.connections.len() >= places
            && !open.close_oldest_idle(is_unknown)
            && !(may_close_known && open.close_oldest_idle(|_| true))
        {
            return Err(NoPlace::Full);
        }
        let id = open.next_id;
        open.next_id += 1;
        open.connections.insert(id, state.clone());
        self.count.send_replace(open.connections.len());
        Ok(Place { table: self.clone(), id })
    }

    /// Counts a connection that got no place. The log gets one line a minute.
    pub(super) fn note_refusal(&self, peer: SocketAddr, reason: NoPlace) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_some_and(|logged| logged.elapsed() < LOG_INTERVAL) {
            return;
        }
        *logged = Some(Instant::now());
        let reason = match reason {
            NoPlace::AddressLimit => "its address has as many as connections_per_address_max",
            NoPlace::Full => "requests are in progress on all others (connections_max)",
        };
        tracing::warn!(%peer, "Refused a connection: {reason}. Further refusals are counted in the metrics.");
    }

    /// Returns how many connections got no place.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns how many idle connections were closed to make place.
    pub(super) fn given_up(&self) -> u64 {
        self.open().given_up
    }

    /// Waits until no connection is open.
    pub(super) async fn drained(&self) {
        let mut count = self.count.subscribe();
        while *count.borrow_and_update() > 0 {
            if count.changed().await.is_err() {
                return;
            }
        }
    }

    fn standing(&self, address: IpAddr) -> Standing {
        if address.is_loopback() || self.trusted_proxies.contain(address) {
            return Standing::Shared;
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let login = known.get(&address);
        if login.is_some_and(|login| login.elapsed() < KNOWN_TIME) {
            Standing::Known
        } else {
            Standing::Unknown
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes the connection that has been idle for the longest time among those that `may_close` accepts.
    /// Returns false if none of them is idle.
    fn close_oldest_idle(&mut self, may_close: impl Fn(&ConnectionState) -> bool) -> bool {
        let idle = self.connections.iter().filter_map(|(id, state)| {
            let since = state.idle_since().filter(|_| state.is_idle() && may_close(state))?;
            Some((since, *id))
        });
        let Some((_, id)) = idle.min() else { return false };
        if let Some(state) = self.connections.remove(&id) {
            state.give_up();
            self.given_up += 1;
        }
        true
    }
}

fn address(state: &ConnectionState) -> IpAddr {
    state.peer.ip().to_canonical()
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.table.open();
        open.connections.remove(&self.id);
        self.table.count.send_replace(open.connections.len());
    }
}

/// A connection that waits for a place, until this is dropped.
struct Waiting<'t>(&'t ConnectionTable);

impl<'t> Waiting<'t> {
    /// Returns `None` if too many wait.
    fn join(table: &'t ConnectionTable) -> Option<Self> {
        let waiting_max = (table.places_max / WAITING_SHARE).max(1);
        let mut open = table.open();
        if open.waiting >= waiting_max {
            return None;
        }
        open.waiting += 1;
        Some(Self(table))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.open().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection_state::{RequestEnd, Transport};
    use super::*;

    fn table(places: usize, per_address: usize) -> Arc<ConnectionTable> {
        let limits = Limits {
            connections_max: places,
            connections_per_address_max: per_address,
            head_wait: Duration::from_millis(50),
            ..Limits::default()
        };
        ConnectionTable::new(&limits, TrustedProxies::parse("192.0.2.80").unwrap())
    }

    fn connection(address: &str) -> Arc<ConnectionState> {
        let peer = (address.parse::<IpAddr>().unwrap(), 1).into();
        Arc::new(ConnectionState::new(peer, Transport::Plain))
    }

    fn busy(address: &str) -> Arc<ConnectionState> {
        let state = connection(address);
        state.begin_request();
        state
    }

    async fn is_given_up(state: &ConnectionState) -> bool {
        timeout(Duration::ZERO, state.given_up()).await.is_ok()
    }

    #[tokio::test]
    async fn an_address_gives_up_its_own_idle_connections_first() {
        let table = table(100, 3);
        let mut open = Vec::new();
        for _ in 0..3 {
            let state = connection("198.51.100.7");
            open.push((table.try_place(&state).ok(), state));
        }
        let other = connection("198.51.100.8");
        let _other = table.try_place(&other);
        let fourth = busy("::ffff:198.51.100.7");
        let _fourth = table.try_place(&fourth).ok().unwrap();
        assert!(is_given_up(&open[0].1).await && !is_given_up(&open[1].1).await);
        // Requests are in progress on all of them.
        for (_, state) in &open {
            state.begin_request();
        }
        let refused = table.place(&connection("198.51.100.7")).await.err();
        assert_eq!(refused, Some(NoPlace::AddressLimit));
        assert!(!is_given_up(&other).await);
        open[1].1.end_request(RequestEnd::Answered);
        assert!(table.place(&connection("198.51.100.7")).await.is_ok());
        // Loopback addresses and proxies have no limit of their own.
        for shared in ["127.0.0.1", "::1", "192.0.2.80"] {
            let places: Vec<_> = (0..9).map(|_| table.try_place(&busy(shared)).ok()).collect();
            assert!(places.iter().all(Option::is_some), "{shared}");
        }
    }

    #[tokio::test]
    async fn the_oldest_idle_connection_makes_place_and_known_clients_come_first() {
        let table = table(16, 16);
        let mut open = Vec::new();
        for number in 0..14 {
            let state = connection(&format!("198.51.100.{number}"));
            open.push((table.try_place(&state).ok().unwrap(), state));
        }
        // Two places are kept.
        let newcomer = busy("203.0.113.1");
        let _newcomer = table.try_place(&newcomer).ok().unwrap();
        assert!(is_given_up(&open[0].1).await);
        for (_, state) in &open[1..] {
            state.begin_request();
        }
        assert_eq!(table.place(&connection("203.0.113.2")).await.err(), Some(NoPlace::Full));
        table.note_login("203.0.113.2".parse().unwrap());
        let known = connection("203.0.113.2");
        let _known = table.place(&known).await.ok().unwrap();
        let local = connection("127.0.0.1");
        let _local = table.place(&local).await.ok().unwrap();
        // Unknown clients do not push them out, and others that are known do.
        assert_eq!(table.place(&connection("203.0.113.3")).await.err(), Some(NoPlace::Full));
        assert!(!is_given_up(&known).await && !is_given_up(&local).await);
        let _second = table.place(&busy("127.0.0.1")).await.ok().unwrap();
        assert!(is_given_up(&known).await);
        // A place is free when a connection ends.
        open.truncate(10);
        assert!(table.place(&connection("203.0.113.3")).await.is_ok());
    }

    #[tokio::test]
    async fn a_connection_waits_for_a_place_and_a_stop_for_all() {
        let table = table(1, 1);
        let state = busy("198.51.100.1");
        let place = table.try_place(&state).ok().unwrap();
        let second = connection("198.51.100.2");
        let waiting = tokio::spawn({
            let table = table.clone();
            async move { table.place(&second).await.is_ok() }
        });
        while table.open().waiting == 0 {
            tokio::task::yield_now().await;
        }
        let third = table.place(&connection("198.51.100.3")).await;
        assert_eq!(third.err(), Some(NoPlace::Full));
        drop(place);
        assert!(waiting.await.unwrap());
        table.drained().await;
    }

    #[test]
    fn the_number_of_known_addresses_is_limited() {
        let table = table(1, 1);
        for number in 0..2 * KNOWN_MAX as u32 {
            table.note_login(std::net::Ipv4Addr::from(number).into());
        }
        assert_eq!(table.known.lock().unwrap().len(), KNOWN_MAX);
    }
}
