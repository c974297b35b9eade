//! Panics of libraries, caught at the call and turned into errors.
//!
//! sled and rust_xlsxwriter panic on some disk failures. The caller of [`contain`] reports such a
//! panic as an error, so the panic hook does not have to log it ([`is_contained`]).

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

thread_local! {
    /// True while [`contain`] catches the panics of this thread.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether a panic of this thread is caught by [`contain`].
pub fn is_contained() -> bool {
    IS_CONTAINED.get()
}

/// Runs `work`, and returns the text of its panic as the error. After a panic the caller must
/// discard every value that `work` was changing.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = IS_CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_CONTAINED.set(outer);
    result.map_err(|panic| text(panic.as_ref()).to_owned())
}

/// The text of a panic.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contain_returns_the_panic_text_and_resets_the_flag() {
        assert!(!is_contained());
        assert_eq!(contain(is_contained), Ok(true));
        let number = 28;
        assert_eq!(contain(|| panic!("code {number}")), Err::<(), _>("code 28".to_owned()));
        assert_eq!(contain(|| panic!("static")), Err::<(), _>("static".to_owned()));
        let outer = contain(|| {
            let inner = contain(|| panic!("inner"));
            assert_eq!(inner, Err::<(), _>("inner".to_owned()));
            is_contained()
        });
        assert_eq!(outer, Ok(true));
        assert!(!is_contained());
    }
}
