//! Sorting of rows by a property.
//!
//! Only the sort key and the name of each row are sorted; the rows are read when they are sent. A
//! page keeps its first rows in memory. A complete list is sorted on the disk if it is large.

use std::{collections::BinaryHeap, io, path::Path};

use super::{Direction, Flow};
use crate::{
    disk::Sorter,
    inventory::InventoryError,
    model::{Value, View, text_of},
    store::StoreError,
};

/// The longest text in a sort key, in bytes. Texts that are equal up to this length are sorted by
/// name.
const KEY_BYTES_MAX: usize = 512;

/// The largest number of rows that are sorted in memory: at most 13 MB, with the longest keys and
/// names.
const HELD_ROWS_MAX: u64 = 10_000;

/// The memory for sorting all rows, in bytes. Beyond it they are sorted on the disk.
const SORTER_BYTES: usize = 32 * 1024 * 1024;

/// The sort key of a value. Keys compare byte by byte as the values do: null first, then numbers,
/// then texts.
pub(in crate::inventory) fn key(view: &View<'_>, direction: Direction) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    encode(view, &mut key);
    match direction {
        Direction::Ascending => {}
        Direction::Descending => key.iter_mut().for_each(|byte| *byte = !*byte),
    }
    key
}

fn encode(view: &View<'_>, key: &mut Vec<u8>) {
    match view {
        View::Null | View::Value(Value::Null) => key.push(0),
        View::Bool(truth) | View::Value(Value::Bool(truth)) => {
            encode_number(f64::from(u8::from(*truth)), 0, key);
        }
        View::Int(number) | View::Value(Value::Int(number)) => {
            encode_number(*number as f64, *number, key);
        }
        View::Float(number) | View::Value(Value::Float(number)) => encode_number(*number, 0, key),
        View::Value(Value::BigInt(text)) => {
            encode_number(text.parse().unwrap_or(f64::NAN), 0, key);
        }
        View::Value(Value::Shared(shared)) => encode(&View::Value(&shared.value), key),
        View::Text(_) | View::Texts(_) | View::Value(_) => {
            key.push(2);
            for byte in text_of(view).bytes().take(KEY_BYTES_MAX) {
                // A zero ends the text, so that a text sorts after its own prefix, in both
                // directions. A zero or one within the text becomes two bytes.
                match byte {
                    0 | 1 => key.extend_from_slice(&[1, byte + 1]),
                    byte => key.push(byte),
                }
            }
            key.push(0);
        }
    }
}

/// Numbers sort by value. Integers that are equal when they are converted to a float sort by
/// their exact value.
fn encode_number(number: f64, whole: i64, key: &mut Vec<u8>) {
    let bits = number.to_bits();
    let sorted = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    key.push(1);
    key.extend_from_slice(&sorted.to_be_bytes());
    key.extend_from_slice(&(whole.cast_unsigned() ^ 1 << 63).to_be_bytes());
}

/// Sorts rows by key, and rows of equal keys by name.
pub(in crate::inventory) enum RowSorter {
    /// The first rows so far, with the last of them at the top of the heap.
    First {
        rows: BinaryHeap<(Vec<u8>, String)>,
        rows_max: usize,
    },
    All(Box<Sorter>),
}

impl RowSorter {
    /// Creates a sorter. Only the first `rows_wanted` rows are read later; `None` for all rows.
    pub(super) fn new(rows_wanted: Option<u64>, scratch: &Path) -> Self {
        match rows_wanted.filter(|rows| *rows <= HELD_ROWS_MAX) {
            Some(rows) => RowSorter::First { rows: BinaryHeap::new(), rows_max: rows as usize },
            None => RowSorter::All(Box::new(Sorter::new(scratch, SORTER_BYTES))),
        }
    }

    /// Adds a row. Rows must come sorted by name.
    ///
    /// # Errors
    /// [`StoreError::Io`] within [`InventoryError::Store`] if a temporary file cannot be written.
    pub(super) fn push(&mut self, key: Vec<u8>, name: &str) -> Result<(), InventoryError> {
        match self {
            RowSorter::First { rows, rows_max } => {
                if rows.len() < *rows_max {
                    rows.push((key, name.to_owned()));
                } else if rows.peek().is_some_and(|(last, _)| key < *last) {
                    rows.pop();
                    rows.push((key, name.to_owned()));
                }
                Ok(())
            }
            RowSorter::All(sorter) => sorter.push(&key, name.as_bytes()).map_err(failed),
        }
    }

    /// Calls `each` with the sorted names, after skipping `start` of them, until it returns
    /// [`Flow::Stop`] or was called `limit` times.
    ///
    /// # Errors
    /// As [`RowSorter::push`], and the errors of `each`.
    pub(super) fn finish(
        self,
        start: u64,
        limit: Option<u64>,
        mut each: impl FnMut(&str) -> Result<Flow, InventoryError>,
    ) -> Result<(), InventoryError> {
        let mut number = 0;
        let end = limit.map(|limit| start.saturating_add(limit));
        let mut give = |name: &str| {
            number += 1;
            if end.is_some_and(|end| number > end) {
                Ok(Flow::Stop)
            } else if number > start {
                each(name)
            } else {
                Ok(Flow::Continue)
            }
        };
        match self {
            RowSorter::First { rows, .. } => {
                for (_, name) in rows.into_sorted_vec() {
                    if give(&name)? == Flow::Stop {
                        break;
                    }
                }
            }
            RowSorter::All(sorter) => {
                let sorted = sorter.finish().map_err(failed)?;
                let mut reader = sorted.read();
                while let Some((_, name)) = reader.next().map_err(failed)? {
                    let name = std::str::from_utf8(name)
                        .map_err(|error| failed(io::Error::other(error)))?;
                    if give(name)? == Flow::Stop {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

fn failed(source: io::Error) -> InventoryError {
    InventoryError::Store(StoreError::Io { what: "sorting rows".to_owned(), source })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inventory::Flow;

    fn page(sorting: RowSorter, start: u64, limit: Option<u64>) -> Vec<String> {
        let mut names = Vec::new();
        sorting
            .finish(start, limit, |name| {
                names.push(name.to_owned());
                Ok(Flow::Continue)
            })
            .unwrap();
        names
    }

    proptest! {
        #[test]
        fn keys_of_texts_sort_as_the_texts(a in "[\0\u{1}\u{2}aé]{0,4}", b in "[\0\u{1}\u{2}aé]{0,4}") {
            let key = |text, direction| key(&View::Text(text), direction);
            prop_assert_eq!(key(&a, Direction::Ascending).cmp(&key(&b, Direction::Ascending)), a.cmp(&b));
            prop_assert_eq!(key(&a, Direction::Descending).cmp(&key(&b, Direction::Descending)), b.cmp(&a));
        }

        #[test]
        fn keys_of_numbers_sort_as_the_numbers(a in any::<i64>(), b in any::<i64>(), x in -1e9f64..1e9, y in -1e9f64..1e9) {
            let key = |view| key(&view, Direction::Ascending);
            prop_assert_eq!(key(View::Int(a)).cmp(&key(View::Int(b))), a.cmp(&b));
            prop_assert_eq!(Some(key(View::Float(x)).cmp(&key(View::Float(y)))), x.partial_cmp(&y));
            prop_assert_eq!(key(View::Int(7)) < key(View::Float(x)), 7.0 < x);
        }

        /// A page is a slice of a stable sort. It does not matter whether the rows fit into memory.
        #[test]
        fn a_page_is_a_slice_of_all_sorted_rows(keys in prop::collection::vec(0u8..5, 0..60), start in 0u64..70, limit in prop::option::of(0u64..70)) {
            let folder = tempfile::tempdir().unwrap();
            let rows: Vec<(u8, String)> = keys.iter().enumerate().map(|(n, key)| (*key, format!("R {n:03}%"))).collect();
            let mut expected = rows.clone();
            expected.sort();
            let expected: Vec<String> = expected.into_iter().map(|(_, name)| name).skip(start as usize).take(limit.map_or(usize::MAX, |l| l as usize)).collect();
            let sortings = [
                RowSorter::new(limit.map(|limit| start + limit), folder.path()),
                RowSorter::All(Box::new(Sorter::new(folder.path(), 200))),
            ];
            for mut sorting in sortings {
                for (number, name) in &rows {
                    sorting.push(vec![*number], name).unwrap();
                }
                prop_assert_eq!(&page(sorting, start, limit), &expected);
            }
        }
    }

    #[test]
    fn null_sorts_before_numbers_and_numbers_before_texts() {
        let ten = Value::Int(10);
        let views =
            [View::Null, View::Bool(true), View::Int(9), View::Value(&ten), View::Text("1")];
        let keys: Vec<_> = views.iter().map(|view| key(view, Direction::Ascending)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        let keys: Vec<_> =
            views.iter().rev().map(|view| key(view, Direction::Descending)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
    }
}
