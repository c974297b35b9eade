//! The report of a recomputation of pools.

/// The result of a recomputation of pools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolsReport {
    /// The number of pools that were computed.
    pub computed: u64,
    /// The number of computed pools whose members were wrong.
    pub changed: u64,
    /// Pools that could not be computed and keep their current members: name and reason.
    pub kept: Vec<(String, String)>,
}
