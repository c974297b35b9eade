//! Places for requests that take long, limited in all and for each user: clients that wait for changes, and
//! long responses.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::blocking::STREAM_JOBS_MAX;

/// The largest number of clients of one user that wait for changes. Each needs a connection and some KB.
const FOLLOWERS_OF_USER_MAX: usize = 16;

/// The share of the connections that waiting clients can hold: one in this number. The others are for
/// short requests.
const CONNECTIONS_SHARE: usize = 4;

/// The largest number of long responses of one user: a quarter of all.
const STREAMS_OF_USER_MAX: usize = 8;

/// Places for requests of one sort.
pub(super) struct LimitedPlaces {
    taken: Arc<Mutex<Taken>>,
    /// The largest number of places of all users.
    all_max: usize,
    /// The largest number of places of one user.
    of_user_max: usize,
}

/// The numbers of places that are taken.
#[derive(Default)]
struct Taken {
    all: usize,
    of_users: HashMap<String, usize>,
}

/// A place. It is taken until this is dropped.
pub(super) struct LimitedPlace {
    taken: Arc<Mutex<Taken>>,
    user: String,
}

/// The limit that a further request would exceed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlacesLimit {
    /// Of one user.
    OfUser { max: usize },
    /// Of all users.
    OfAll { max: usize },
}

impl LimitedPlaces {
    /// Places for clients that wait for changes. Takes the largest number of open connections.
    pub(super) fn of_followers(connections_max: usize) -> Self {
        let all_max = (connections_max / CONNECTIONS_SHARE).max(1);
        Self { taken: Arc::default(), all_max, of_user_max: FOLLOWERS_OF_USER_MAX }
    }

    /// Places for responses that are sent as fast as their client reads them.
    pub(super) fn of_streams() -> Self {
        Self { taken: Arc::default(), all_max: STREAM_JOBS_MAX, of_user_max: STREAMS_OF_USER_MAX }
    }

    /// Takes a place for a user.
    ///
    /// # Errors
    /// [`PlacesLimit`] if too many are taken.
    pub(super) fn join(&self, user: &str) -> Result<LimitedPlace, PlacesLimit> {
        let mut taken = lock(&self.taken);
        if taken.all >= self.all_max {
            return Err(PlacesLimit::OfAll { max: self.all_max });
        }
        let of_user = taken.of_users.get(user).copied().unwrap_or_default();
        if of_user >= self.of_user_max {
            return Err(PlacesLimit::OfUser { max: self.of_user_max });
        }
        taken.all += 1;
        taken.of_users.insert(user.to_owned(), of_user + 1);
        Ok(LimitedPlace { taken: self.taken.clone(), user: user.to_owned() })
    }
}

impl Drop for LimitedPlace {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all -= 1;
        if let Some(of_user) = taken.of_users.get_mut(&self.user) {
            *of_user -= 1;
            if *of_user == 0 {
                taken.of_users.remove(&self.user);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_a_user_and_of_all_users_are_limited() {
        let followers =
            LimitedPlaces::of_followers((FOLLOWERS_OF_USER_MAX + 1) * CONNECTIONS_SHARE);
        let join = |user: &str| followers.join(user).map(Some).unwrap_or_default();
        let mut joined: Vec<_> = (0..FOLLOWERS_OF_USER_MAX).map(|_| join("é>b").unwrap()).collect();
        let refused = followers.join("é>b").err();
        assert_eq!(refused, Some(PlacesLimit::OfUser { max: FOLLOWERS_OF_USER_MAX }));
        let other = followers.join("..").unwrap();
        let refused = followers.join("third").err();
        assert_eq!(refused, Some(PlacesLimit::OfAll { max: FOLLOWERS_OF_USER_MAX + 1 }));

        joined.pop();
        joined.push(followers.join("é>b").unwrap());
        drop((joined, other));
        assert_eq!(lock(&followers.taken).all, 0);
        assert!(lock(&followers.taken).of_users.is_empty());
    }
}
