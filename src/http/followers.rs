//! The clients that wait for changes, and their limits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The largest number of waiting clients of one user. Each needs a connection and some KB.
pub(super) const OF_USER_MAX: usize = 16;

/// The share of the connections that waiting clients can hold: one in this number. The others are for
/// short requests.
const CONNECTIONS_SHARE: usize = 4;

/// The clients that wait for changes.
pub(super) struct Followers {
    waiting: Arc<Mutex<Waiting>>,
    /// The largest number of waiting clients.
    all_max: usize,
}

/// The numbers of waiting clients.
#[derive(Default)]
struct Waiting {
    all: usize,
    of_users: HashMap<String, usize>,
}

/// A client that waits. It is counted until this is dropped.
pub(super) struct Follower {
    waiting: Arc<Mutex<Waiting>>,
    user: String,
}

/// The limit that a further client would exceed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FollowersLimit {
    /// Of one user.
    OfUser { max: usize },
    /// Of all users.
    OfAll { max: usize },
}

impl Followers {
    /// Takes the largest number of open connections.
    pub(super) fn new(connections_max: usize) -> Self {
        let all_max = (connections_max / CONNECTIONS_SHARE).max(1);
        Self { waiting: Arc::default(), all_max }
    }

    /// Counts a client of a user.
    ///
    /// # Errors
    /// [`FollowersLimit`] if too many wait already.
    pub(super) fn join(&self, user: &str) -> Result<Follower, FollowersLimit> {
        let mut waiting = lock(&self.waiting);
        if waiting.all >= self.all_max {
            return Err(FollowersLimit::OfAll { max: self.all_max });
        }
        let of_user = waiting.of_users.get(user).copied().unwrap_or_default();
        if of_user >= OF_USER_MAX {
            return Err(FollowersLimit::OfUser { max: OF_USER_MAX });
        }
        waiting.all += 1;
        waiting.of_users.insert(user.to_owned(), of_user + 1);
        Ok(Follower { waiting: self.waiting.clone(), user: user.to_owned() })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        waiting.all -= 1;
        if let Some(of_user) = waiting.of_users.get_mut(&self.user) {
            *of_user -= 1;
            if *of_user == 0 {
                waiting.of_users.remove(&self.user);
            }
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_of_a_user_and_of_all_users_are_limited() {
        let followers = Followers::new((OF_USER_MAX + 1) * CONNECTIONS_SHARE);
        let join = |user: &str| followers.join(user).map(Some).unwrap_or_default();
        let mut joined: Vec<_> = (0..OF_USER_MAX).map(|_| join("é>b").unwrap()).collect();
        let refused = followers.join("é>b").err();
        assert_eq!(refused, Some(FollowersLimit::OfUser { max: OF_USER_MAX }));
        let other = followers.join("..").unwrap();
        let refused = followers.join("third").err();
        assert_eq!(refused, Some(FollowersLimit::OfAll { max: OF_USER_MAX + 1 }));

        joined.pop();
        joined.push(followers.join("é>b").unwrap());
        drop((joined, other));
        assert_eq!(lock(&followers.waiting).all, 0);
        assert!(lock(&followers.waiting).of_users.is_empty());
    }
}
