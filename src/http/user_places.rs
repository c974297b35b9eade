//! The places of each user among the searches, so that one user leaves some for the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::blocking::BlockingError;

/// The searches of one user that run at the same time: half of all.
const SEARCHES_OF_USER_MAX: usize = 2;

/// The searches of one user that wait for these. Further ones are refused with 503.
const WAITING_OF_USER_MAX: usize = 64;

/// The places of all users who search.
#[derive(Clone, Default)]
pub(super) struct UserPlaces(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

/// The place of one search. Dropping it frees the place.
pub(super) struct UserPlace {
    places: UserPlaces,
    user: String,
    /// Always `Some` until it is dropped.
    permit: Option<OwnedSemaphorePermit>,
}

impl UserPlaces {
    /// Waits for a place of this user.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] if too many searches of the user wait already.
    pub(super) async fn place(&self, user: &str) -> Result<UserPlace, BlockingError> {
        let semaphore = {
            let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let of_user = users.entry(user.to_owned());
            let semaphore =
                of_user.or_insert_with(|| Arc::new(Semaphore::new(SEARCHES_OF_USER_MAX)));
            // Each search has one reference, whether it runs or waits, and the table has one.
            if Arc::strong_count(semaphore) > SEARCHES_OF_USER_MAX + WAITING_OF_USER_MAX {
                return Err(BlockingError::Busy);
            }
            semaphore.clone()
        };
        let mut place = UserPlace { places: self.clone(), user: user.to_owned(), permit: None };
        // It is never closed.
        let permit = semaphore.acquire_owned().await.map_err(|_| BlockingError::ShuttingDown)?;
        place.permit = Some(permit);
        Ok(place)
    }
}

impl Drop for UserPlace {
    fn drop(&mut self) {
        self.permit = None;
        let mut users = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The last search of the user removes the entry.
        if users.get(&self.user).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            users.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use super::*;

    /// The result of a future that is ready.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    #[test]
    fn one_user_leaves_places_for_others() {
        let places = UserPlaces::default();
        let first = now(places.place("é>b")).unwrap().unwrap();
        let second = now(places.place("é>b")).unwrap().unwrap();
        assert!(now(places.place("é>b")).is_none(), "the third waits");
        assert!(now(places.place("bob")).is_some());
        drop(first);
        assert!(now(places.place("é>b")).is_some());
        drop(second);
        assert!(places.0.lock().unwrap().is_empty(), "users who do not search take no memory");
    }

    #[test]
    fn waiting_searches_of_a_user_are_limited() {
        let places = UserPlaces::default();
        let running: Vec<_> =
            (0..SEARCHES_OF_USER_MAX).map(|_| now(places.place("bob")).unwrap()).collect();
        let mut waiting: Vec<_> =
            (0..WAITING_OF_USER_MAX).map(|_| Box::pin(places.place("bob"))).collect();
        for place in &mut waiting {
            assert!(now(place.as_mut()).is_none());
        }
        assert!(matches!(now(places.place("bob")), Some(Err(BlockingError::Busy))));
        drop(waiting.pop());
        assert!(now(places.place("bob")).is_none());
        drop((running, waiting));
        assert!(places.0.lock().unwrap().is_empty());
    }
}
