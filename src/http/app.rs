//! What every handler reaches: the operations, and the door to blocking work.

use std::sync::Arc;

use super::blocking::Blocking;
use super::body::Room;
use super::limits::Limits;
use super::metrics::Metrics;
use crate::access::{Accounts, HashError, Login};
use crate::inventory::Inventory;
use crate::job::Jobs;
use crate::migration::Migration;
use crate::topology::Topology;

/// The appliance, as far as HTTP sees it. One for the process, shared by all connections.
pub struct App {
    /// What the server calls itself in `is_alive`: as a rule the host's name.
    pub(super) name: String,
    pub(super) login: Login,
    pub(super) migration: Migration,
    pub(super) topology: Topology,
    pub(super) inventory: Inventory,
    pub(super) jobs: Jobs,
    pub(super) blocking: Arc<Blocking>,
    pub(super) room: Room,
    pub(super) limits: Limits,
    pub(super) metrics: Arc<Metrics>,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(
        name: String,
        accounts: Arc<dyn Accounts>,
        migration: Migration,
        topology: Topology,
        inventory: Inventory,
        jobs: Jobs,
        limits: Limits,
    ) -> Result<Self, HashError> {
        let login = Login::new(accounts)?;
        Ok(Self {
            name,
            login,
            migration,
            topology,
            inventory,
            jobs,
            blocking: Arc::default(),
            room: Room::default(),
            limits,
            metrics: Arc::new(Metrics::new()),
        })
    }
}
