//! Layers of uncommitted changes over sled's trees. The top layer holds the changes of the current
//! transaction. The second layer holds the changes of earlier transactions that are not applied
//! yet. The value of a key comes from the topmost layer that changes the key, otherwise from the
//! tree.

use std::{
    collections::{BTreeMap, btree_map},
    iter::Peekable,
    ops::Bound,
};

use sled::{IVec, Tree};

use super::{StoreError, contained, tree_id::TreeId};

/// The changes of one tree by key: a new value, or `None` for a removed key.
pub(super) type TreeChanges = BTreeMap<Vec<u8>, Option<IVec>>;

/// The changes of a transaction or of several ones.
#[derive(Default)]
pub(super) struct Changes {
    trees: BTreeMap<TreeId, TreeChanges>,
    bytes: usize,
    entries: usize,
}

/// A change with more entries does not fit into a transaction. Readers wait while a transaction is
/// applied: 20,000 entries take 0.1 s in a database of 100,000 records and 0.7 s in one of 1,000,000
/// on a busy machine, 80,000 entries take 0.5 and 5 s (`cargo bench --bench small_import`).
const TRANSACTION_ENTRIES_MAX: usize = 20_000;

/// A change with more bytes does not fit into a transaction.
const TRANSACTION_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The estimated memory of an entry beside its key and its value, in bytes.
const ENTRY_BYTES: usize = 96;

impl Changes {
    /// Sets the value of a key, or removes the key with `None`.
    pub(super) fn set(&mut self, tree: TreeId, key: Vec<u8>, value: Option<IVec>) {
        let size = |value: &Option<IVec>| value.as_ref().map_or(0, |value| value.len());
        self.bytes += size(&value);
        match self.trees.entry(tree).or_default().entry(key) {
            btree_map::Entry::Vacant(entry) => {
                self.bytes += ENTRY_BYTES + entry.key().len();
                self.entries += 1;
                entry.insert(value);
            }
            btree_map::Entry::Occupied(mut entry) => {
                self.bytes -= size(&entry.insert(value));
            }
        }
    }

    /// Returns the changes of one tree.
    pub(super) fn tree(&self, tree: TreeId) -> Option<&TreeChanges> {
        self.trees.get(&tree)
    }

    /// Returns the changed trees with their changes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TreeId, &TreeChanges)> {
        self.trees.iter().map(|(tree, changes)| (*tree, changes))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The estimated memory of the changes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of changed keys.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// Returns whether the changes are too large for a transaction.
    pub(super) fn is_large(&self) -> bool {
        self.entries > TRANSACTION_ENTRIES_MAX || self.bytes > TRANSACTION_BYTES_MAX
    }

    /// Adds later changes over these.
    pub(super) fn absorb(&mut self, later: Changes) {
        for (tree, changes) in later.trees {
            for (key, value) in changes {
                self.set(tree, key, value);
            }
        }
    }
}

/// One tree and the layers of changes over it.
#[derive(Clone, Copy)]
pub(super) struct Layered<'a> {
    tree: &'a Tree,
    /// The top layer first.
    layers: [Option<&'a TreeChanges>; 2],
}

impl<'a> Layered<'a> {
    pub(super) fn new(tree: &'a Tree, layers: [Option<&'a TreeChanges>; 2]) -> Self {
        Self { tree, layers }
    }

    /// Returns the key's value in the topmost layer that changes it, or `None` if no layer does.
    fn changed(&self, key: &[u8]) -> Option<Option<&'a IVec>> {
        self.layers.iter().flatten().find_map(|layer| Some(layer.get(key)?.as_ref()))
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    /// As for [`contained::read`].
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        match self.changed(key) {
            Some(value) => Ok(value.cloned()),
            None => contained::read(self.tree, || self.tree.get(key)),
        }
    }

    /// Returns whether the key exists.
    ///
    /// # Errors
    /// As for [`contained::read`].
    pub(super) fn contains(&self, key: &[u8]) -> Result<bool, StoreError> {
        match self.changed(key) {
            Some(value) => Ok(value.is_some()),
            None => contained::read(self.tree, || self.tree.contains_key(key)),
        }
    }

    /// Returns the entries whose key begins with `prefix`, sorted by key.
    pub(super) fn prefix(&self, prefix: &[u8]) -> Entries<'a> {
        self.prefix_from(prefix, prefix)
    }

    /// Returns the entries whose key begins with `prefix` and is greater than or equal to `from`,
    /// sorted by key. `from` begins with `prefix` too.
    pub(super) fn prefix_from(&self, prefix: &[u8], from: &[u8]) -> Entries<'a> {
        let mut end = prefix.to_vec();
        // The smallest key that is greater than all keys with the prefix.
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                break;
            }
        }
        let to = if end.is_empty() { Bound::Unbounded } else { Bound::Excluded(end.as_slice()) };
        let bounds = (Bound::Included(from), to);
        let layer = |layer: Option<&'a TreeChanges>| {
            layer.map(|layer| layer.range::<[u8], _>(bounds).peekable())
        };
        Entries {
            tree: TreeEntries::new(self.tree, from, to),
            layers: [layer(self.layers[0]), layer(self.layers[1])],
        }
    }
}

/// The remaining entries of one layer.
type LayerEntries<'a> = Peekable<btree_map::Range<'a, Vec<u8>, Option<IVec>>>;

/// The merged entries of a tree and its layers, sorted by key.
pub(super) struct Entries<'a> {
    tree: TreeEntries<'a>,
    layers: [Option<LayerEntries<'a>>; 2],
}

/// The entries of a tree, sorted by key. For a damaged page the iterator returns an error that names
/// the unreadable range, and then the entries after it.
struct TreeEntries<'a> {
    tree: &'a Tree,
    /// `None` at the end. After its end, sled's iterator would return entries created meanwhile.
    rest: Option<sled::Iter>,
    peeked: Option<Result<(IVec, IVec), StoreError>>,
    /// The key of the last entry, or the start of the range.
    last: IVec,
    /// Whether `last` is the key of an entry.
    is_begun: bool,
    end: Option<Vec<u8>>,
}

impl<'a> TreeEntries<'a> {
    fn new(tree: &'a Tree, from: &[u8], to: Bound<&[u8]>) -> Self {
        let end = match to {
            Bound::Included(end) | Bound::Excluded(end) => Some(end.to_vec()),
            Bound::Unbounded => None,
        };
        let rest = Some(tree.range::<&[u8], _>((Bound::Included(from), to)));
        Self { tree, rest, peeked: None, last: IVec::from(from), is_begun: false, end }
    }

    fn peek(&mut self) -> Option<&Result<(IVec, IVec), StoreError>> {
        if self.peeked.is_none()
            && let Some(rest) = &mut self.rest
        {
            match contained::read(self.tree, || rest.next().transpose()) {
                Ok(Some(entry)) => {
                    self.last = entry.0.clone();
                    self.is_begun = true;
                    self.peeked = Some(Ok(entry));
                }
                Ok(None) => self.rest = None,
                Err(error) => self.peeked = Some(Err(self.skip_damaged(error))),
            }
        }
        self.peeked.as_ref()
    }

    fn next(&mut self) -> Option<Result<(IVec, IVec), StoreError>> {
        self.peek();
        self.peeked.take()
    }

    /// Continues after a damaged range, or ends if nothing after it is readable. Returns the error
    /// with the range.
    #[cold]
    fn skip_damaged(&mut self, error: StoreError) -> StoreError {
        self.rest = None;
        let StoreError::Damaged { part, detail } = error else { return error };
        // The smallest key that is greater than the last entry's.
        let from = if self.is_begun { [&self.last[..], &[0]].concat() } else { self.last.to_vec() };
        let next = contained::readable_after(self.tree, &from)
            .filter(|key| self.end.as_ref().is_none_or(|end| key < end));
        if let Some(key) = &next {
            let end = self.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            self.rest = Some(self.tree.range::<&[u8], _>((Bound::Included(key.as_slice()), end)));
        }
        let shown = |key: &[u8]| format!("'{}'", String::from_utf8_lossy(key).replace('\0', ", "));
        let has_plain_keys = TreeId::of_name(part).is_none_or(TreeId::has_plain_keys);
        let range = match &next {
            _ if !has_plain_keys => String::new(),
            Some(next) if self.last.is_empty() => format!(" before {}", shown(next)),
            Some(next) => format!(" after {} and before {}", shown(&self.last), shown(next)),
            None if self.last.is_empty() => String::new(),
            None => format!(" after {}", shown(&self.last)),
        };
        if let Some(key) = next {
            self.last = key.into();
            self.is_begun = false;
        }
        StoreError::Damaged { part, detail: format!("entries{range} are unreadable: {detail}") }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(IVec, IVec), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Most reads have no layers.
        if self.layers.iter().all(Option::is_none) {
            return self.tree.next();
        }
        loop {
            let tree_key = match self.tree.peek() {
                Some(Ok((key, _))) => Some(key.clone()),
                Some(Err(_)) => return self.tree.next(),
                None => None,
            };
            let mut first: Option<&[u8]> = tree_key.as_deref();
            for layer in self.layers.iter_mut().flatten() {
                if let Some((key, _)) = layer.peek()
                    && first.is_none_or(|first| key.as_slice() < first)
                {
                    first = Some(key);
                }
            }
            let key = match (first, &tree_key) {
                (None, _) => return None,
                (Some(first), Some(tree_key)) if first == &**tree_key => tree_key.clone(),
                (Some(first), _) => IVec::from(first),
            };
            // The topmost value counts. Every layer that holds the key advances.
            let mut topmost: Option<Option<IVec>> = None;
            for layer in self.layers.iter_mut().flatten() {
                if let Some((_, value)) = layer.next_if(|(other, _)| other.as_slice() == &*key) {
                    topmost.get_or_insert_with(|| value.clone());
                }
            }
            if tree_key.as_ref() == Some(&key)
                && let Some(Ok((_, value))) = self.tree.next()
            {
                topmost.get_or_insert(Some(value));
            }
            if let Some(Some(value)) = topmost {
                return Some(Ok((key, value)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Plain = BTreeMap<Vec<u8>, Option<u8>>;

    fn entries() -> impl Strategy<Value = Plain> {
        let key = prop::collection::vec(prop_oneof![0u8..3, Just(255)], 1..4);
        prop::collection::btree_map(key, prop::option::of(any::<u8>()), 0..24)
    }

    fn changes(plain: &Plain) -> TreeChanges {
        plain.iter().map(|(k, v)| (k.clone(), v.map(|v| IVec::from(&[v])))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Reading through layers equals reading one map to which all changes were applied.
        #[test]
        fn layers_over_a_tree_equal_one_map(
            (below, middle, top) in (entries(), entries(), entries()),
            (from, to) in (prop::collection::vec(0u8..3, 0..3), prop::collection::vec(any::<u8>(), 1..3)),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let tree = sled::open(folder.path()).unwrap().open_tree("t").unwrap();
            let mut expected: BTreeMap<Vec<u8>, u8> = BTreeMap::new();
            for (key, value) in &below {
                if let Some(value) = value {
                    tree.insert(key, &[*value]).unwrap();
                    expected.insert(key.clone(), *value);
                }
            }
            for layer in [&middle, &top] {
                for (key, value) in layer {
                    match value {
                        Some(value) => expected.insert(key.clone(), *value),
                        None => expected.remove(key),
                    };
                }
            }
            let (middle, top) = (changes(&middle), changes(&top));
            let layered = Layered::new(&tree, [Some(&top), Some(&middle)]);
            let plain = |(key, value): (IVec, IVec)| (key.to_vec(), value[0]);
            for prefix in [&b""[..], &from[..], &[255], &[0, 255]] {
                let found: Vec<_> = layered.prefix(prefix).map(|e| plain(e.unwrap())).collect();
                let wanted: Vec<_> =
                    expected.iter().filter(|(k, _)| k.starts_with(prefix)).map(|(k, v)| (k.clone(), *v)).collect();
                prop_assert_eq!(found, wanted);
            }
            for (key, value) in &expected {
                prop_assert_eq!(layered.get(key).unwrap().unwrap()[0], *value);
            }
            for key in below.keys().chain(middle.keys()).chain(top.keys()) {
                prop_assert_eq!(layered.contains(key).unwrap(), expected.contains_key(key));
            }
            let from = [&from[..], &to[..]].concat();
            for prefix in [&b""[..], &from[..1]] {
                let found: Vec<_> =
                    layered.prefix_from(prefix, &from).map(|e| plain(e.unwrap())).collect();
                let wanted = expected.range(from.clone()..).map(|(k, v)| (k.clone(), *v));
                let wanted: Vec<_> = wanted.filter(|(k, _)| k.starts_with(prefix)).collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
