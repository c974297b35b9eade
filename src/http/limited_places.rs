//! Places for requests that take long, limited in all and for each owner: clients that wait for changes, and
//! long responses, of one user; password checks from one address.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::blocking::{PASSWORD_WAITING_MAX, STREAM_JOBS_MAX};

/// The largest number of clients of one user that wait for changes. Each needs a connection and some KB.
const FOLLOWERS_OF_USER_MAX: usize = 16;

/// The share of the connections that waiting clients can hold: one in this number. The others are for
/// short requests.
const CONNECTIONS_SHARE: usize = 4;

/// The largest number of long responses of one user: a quarter of all.
const STREAMS_OF_USER_MAX: usize = 8;

/// The largest number of password checks of one address that run or wait. The morning logins of a site
/// behind one address pass; the checks of other addresses wait 64 × 190 ms = 12 s for them at most.
const PASSWORD_CHECKS_OF_ADDRESS_MAX: usize = 64;

/// Places for requests of one sort.
pub(super) struct LimitedPlaces {
    taken: Arc<Mutex<Taken>>,
    /// The largest number of places of all owners.
    all_max: usize,
    /// The largest number of places of one owner.
    of_owner_max: usize,
}

/// The numbers of places that are taken.
#[derive(Default)]
struct Taken {
    all: usize,
    of_owners: HashMap<String, usize>,
}

/// A place. It is taken until this is dropped.
pub(super) struct LimitedPlace {
    taken: Arc<Mutex<Taken>>,
    owner: String,
}

/// The limit that a further request would exceed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlacesLimit {
    /// Of one owner.
    OfOwner { max: usize },
    /// Of all owners.
    OfAll { max: usize },
}

impl LimitedPlaces {
    /// Places for clients that wait for changes. Takes the largest number of open connections.
    pub(super) fn of_followers(connections_max: usize) -> Self {
        let all_max = (connections_max / CONNECTIONS_SHARE).max(1);
        Self { taken: Arc::default(), all_max, of_owner_max: FOLLOWERS_OF_USER_MAX }
    }

    /// Places for responses that are sent as fast as their client reads them.
    pub(super) fn of_streams() -> Self {
        Self { taken: Arc::default(), all_max: STREAM_JOBS_MAX, of_owner_max: STREAMS_OF_USER_MAX }
    }

    /// Places for password checks, by the address of their client.
    pub(super) fn of_password_checks() -> Self {
        let of_owner_max = PASSWORD_CHECKS_OF_ADDRESS_MAX;
        Self { taken: Arc::default(), all_max: PASSWORD_WAITING_MAX, of_owner_max }
    }

    /// Takes a place for an owner: the name of a user, or an address.
    ///
    /// # Errors
    /// [`PlacesLimit`] if too many are taken.
    pub(super) fn join(&self, owner: &str) -> Result<LimitedPlace, PlacesLimit> {
        let mut taken = lock(&self.taken);
        if taken.all >= self.all_max {
            return Err(PlacesLimit::OfAll { max: self.all_max });
        }
        let of_owner = taken.of_owners.get(owner).copied().unwrap_or_default();
        if of_owner >= self.of_owner_max {
            return Err(PlacesLimit::OfOwner { max: self.of_owner_max });
        }
        taken.all += 1;
        taken.of_owners.insert(owner.to_owned(), of_owner + 1);
        Ok(LimitedPlace { taken: self.taken.clone(), owner: owner.to_owned() })
    }
}

impl Drop for LimitedPlace {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all -= 1;
        if let Some(of_owner) = taken.of_owners.get_mut(&self.owner) {
            *of_owner -= 1;
            if *of_owner == 0 {
                taken.of_owners.remove(&self.owner);
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
        assert_eq!(refused, Some(PlacesLimit::OfOwner { max: FOLLOWERS_OF_USER_MAX }));
        let other = followers.join("..").unwrap();
        let refused = followers.join("third").err();
        assert_eq!(refused, Some(PlacesLimit::OfAll { max: FOLLOWERS_OF_USER_MAX + 1 }));

        joined.pop();
        joined.push(followers.join("é>b").unwrap());
        drop((joined, other));
        assert_eq!(lock(&followers.taken).all, 0);
        assert!(lock(&followers.taken).of_owners.is_empty());
    }

    #[test]
    fn password_checks_of_one_address_leave_places_for_others() {
        let checks = LimitedPlaces::of_password_checks();
        let address = "2001:db8::";
        let _joined: Vec<_> =
            (0..PASSWORD_CHECKS_OF_ADDRESS_MAX).map(|_| checks.join(address).unwrap()).collect();
        assert!(matches!(checks.join(address), Err(PlacesLimit::OfOwner { .. })));
        assert!(checks.join("192.0.2.1").is_ok());
    }
}
