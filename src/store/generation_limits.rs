//! How many generations before the current one are kept.

/// How many generations before the current one are kept. The generation directly before it is always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerationLimits {
    /// The largest number of generations.
    pub count_max: usize,
    /// The largest size of all of them, in bytes.
    pub bytes_max: u64,
}

impl GenerationLimits {
    /// The limits of a server without other settings.
    pub const DEFAULT: Self = Self { count_max: 3, bytes_max: 4 * 1024 * 1024 * 1024 };
}

/// The rule by which generations are kept when a new one replaces the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptGenerations {
    /// As many as these limits allow.
    UpTo(GenerationLimits),
    /// As many as before, and at least [`GenerationLimits::DEFAULT`]: a command does not know the settings
    /// of the server.
    AsBefore,
}
