//! The first use of an hour: programs log in with each request, and an entry for each would fill the log
//! without telling more.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// The time within which further uses are not recorded.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The largest number of remembered uses, about 1 MB. Beyond it all are forgotten, and recorded again.
const USES_MAX: usize = 10_000;

/// A user or a token at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Use {
    pub user: String,
    /// The name of the token. `None` for a login.
    pub token: Option<String>,
    pub address: Option<IpAddr>,
}

/// The uses of the last hour.
#[derive(Debug, Default)]
pub(super) struct FirstUses(HashMap<Use, Instant>);

impl FirstUses {
    /// Returns whether this is the first use of an hour.
    pub(super) fn is_first(&mut self, used: Use, now: Instant) -> bool {
        if let Some(first) = self.0.get(&used)
            && now.saturating_duration_since(*first) < INTERVAL
        {
            return false;
        }
        if self.0.len() >= USES_MAX {
            self.0.clear();
        }
        self.0.insert(used, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_use_an_hour_is_recorded() {
        let mut uses = FirstUses::default();
        let now = Instant::now();
        let of = |user: &str, token: Option<&str>| Use {
            user: user.to_owned(),
            token: token.map(str::to_owned),
            address: "192.0.2.7".parse().ok(),
        };
        assert!(uses.is_first(of("é>b", None), now));
        assert!(!uses.is_first(of("é>b", None), now + INTERVAL / 2));
        assert!(uses.is_first(of("é>b", Some("nightly")), now));
        assert!(uses.is_first(of("R 1%", None), now));
        assert!(uses.is_first(of("é>b", None), now + INTERVAL));
        for number in 0..3 * USES_MAX {
            assert!(uses.is_first(of(&number.to_string(), None), now));
        }
        assert!(uses.0.len() <= USES_MAX);
    }
}
