//! Reads the readable entries of a damaged database from its log. `store::recover::salvage` makes a
//! database of them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use super::{
    LogFault, Lsn, Reach, SalvageReport, SalvagedEntry,
    check::{Examined, examine},
    node::{Content, Node, parse_trees},
    pages::Pages,
    segment::LogFile,
};
use crate::store::StoreError;

/// The page with the names of the trees.
const TREES_PAGE: u64 = 0;

/// Calls `each` with every readable entry of the sled database in `directory`, once for each entry
/// of a tree. Neither opens the database with sled nor writes to it. Keeps the locations of all
/// pages and the content of one page in memory.
///
/// # Errors
/// - `StoreError::Io` if the log cannot be opened.
/// - The error that `each` returns.
pub(crate) fn salvage(
    directory: &Path,
    reach: Reach,
    each: &mut dyn FnMut(SalvagedEntry<'_>) -> Result<(), StoreError>,
) -> Result<SalvageReport, StoreError> {
    let examined = examine(directory)?;
    let log = LogFile::open(directory).map_err(StoreError::io("opening the log"))?;
    let mut report = SalvageReport::default();
    let limit = (reach == Reach::Recovered && examined.damage.is_empty()).then_some(examined.end);
    let pages = Pages::read(&log, &examined, limit, &mut report);
    let mut forest = Forest::new(&pages);
    forest.follow_roots();
    forest.add_unreachable();
    forest.each_entry(&mut report, each)?;
    Ok(report)
}

impl Examined {
    /// Returns whether segments are missing whose pages are unknown.
    pub(super) fn hides_segments(&self) -> bool {
        self.damage.iter().any(|damage| {
            matches!(
                damage.fault,
                LogFault::SegmentMissing { .. }
                    | LogFault::NoSegment
                    | LogFault::SegmentTwice { .. }
                    | LogFault::SegmentMisplaced { .. }
                    | LogFault::PageLost { .. }
            )
        })
    }
}

/// A reference from a tree to a page. If two references claim one page, the greater one counts.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Claim {
    /// Whether the referring page is in its newest state.
    is_complete: bool,
    /// The LSN of that page.
    lsn: Lsn,
    tree: usize,
}

/// A readable leaf page.
struct Leaf {
    page: u64,
    tree: Option<usize>,
    low: Vec<u8>,
    high: Vec<u8>,
    merging: bool,
    lsn: Lsn,
    is_complete: bool,
}

/// All trees of a database.
struct Forest<'a> {
    pages: &'a Pages<'a>,
    names: Vec<Vec<u8>>,
    roots: Vec<u64>,
    trees_known: bool,
    claims: HashMap<u64, Claim>,
    leaves: HashMap<u64, Leaf>,
    /// Pages that are referred to but cannot be read, and the referring tree.
    lost: BTreeMap<u64, usize>,
    read: BTreeSet<u64>,
    unreachable: u64,
}

impl<'a> Forest<'a> {
    fn new(pages: &'a Pages<'a>) -> Self {
        let base = pages.base(TREES_PAGE);
        let complete = base.as_ref().is_some_and(|(lsn, _)| pages.is_complete(TREES_PAGE, *lsn));
        let trees = base.and_then(|(_, content)| parse_trees(&content));
        let trees_known = trees.is_some() && complete;
        let (names, roots) = trees.unwrap_or_default().into_iter().unzip();
        Self {
            pages,
            names,
            roots,
            trees_known,
            claims: HashMap::new(),
            leaves: HashMap::new(),
            lost: BTreeMap::new(),
            read: BTreeSet::new(),
            unreachable: 0,
        }
    }

    /// Follows all pointers from the roots.
    fn follow_roots(&mut self) {
        let is_complete = self.trees_known;
        let claim = |(tree, root): (usize, &u64)| (*root, Claim { is_complete, lsn: 0, tree });
        let mut open: Vec<_> = self.roots.iter().enumerate().map(claim).collect();
        while let Some((page, claim)) = open.pop() {
            if self.claims.get(&page).is_some_and(|known| *known >= claim) {
                continue;
            }
            self.claims.insert(page, claim);
            let Some((node, lsn, is_newest)) = self.pages.node(page) else {
                self.lost.insert(page, claim.tree);
                continue;
            };
            self.read.insert(page);
            let is_complete = claim.is_complete && is_newest;
            let below = Claim { is_complete, lsn, tree: claim.tree };
            open.extend(node.next.map(|next| (next, below)));
            if let Content::Inner(children) = &node.content {
                open.extend(children.iter().map(|child| (*child, below)));
            }
            self.add_leaf(page, node, lsn, is_complete, Some(claim.tree));
        }
    }

    fn add_leaf(
        &mut self,
        page: u64,
        node: Node,
        lsn: Lsn,
        is_complete: bool,
        tree: Option<usize>,
    ) {
        if let Content::Leaf(_) = node.content {
            let Node { low, high, merging, .. } = node;
            let leaf = Leaf { page, tree, low, high, merging, lsn, is_complete };
            self.leaves.insert(page, leaf);
        }
    }

    /// Adds the pages that no tree refers to, if a lost page could have referred to them. If all lost
    /// pages belong to one tree, the added ones belong to it too.
    fn add_unreachable(&mut self) {
        if self.lost.is_empty() && self.trees_known {
            return;
        }
        let damaged_trees: BTreeSet<_> = self.lost.values().copied().collect();
        let only =
            damaged_trees.first().copied().filter(|_| damaged_trees.len() == 1 && self.trees_known);
        for page in self.pages.table.pages.keys().copied() {
            if page <= 1 || self.claims.contains_key(&page) {
                continue;
            }
            if let Some((node, lsn, _)) = self.pages.node(page) {
                self.read.insert(page);
                self.unreachable += 1;
                self.add_leaf(page, node, lsn, false, only);
            }
        }
    }

    /// Calls `each` with the entries. If two leaves claim the same range of keys, the newer one counts.
    fn each_entry(
        mut self,
        report: &mut SalvageReport,
        each: &mut dyn FnMut(SalvagedEntry<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        report.pages = self.read.len() as u64;
        report.pages_unreachable = self.unreachable;
        report.pages_lost = self.lost.len() as u64;
        let mut leaves: Vec<_> = std::mem::take(&mut self.leaves).into_values().collect();
        // A leaf that is merged into its left neighbour is older than the neighbour, regardless of
        // its LSN.
        leaves.sort_unstable_by_key(|leaf| (leaf.tree, leaf.merging, Reverse(leaf.lsn), leaf.page));
        let mut returned = Ranges::default();
        let mut tree = None;
        for leaf in leaves {
            if leaf.tree != tree {
                tree = leaf.tree;
                returned = Ranges::default();
            }
            let Some((node, ..)) = self.pages.node(leaf.page) else { continue };
            let name = tree.and_then(|tree| self.names.get(tree)).map(Vec::as_slice);
            for (key, value) in node.entries() {
                if tree.is_some() && returned.contains(&key) {
                    continue;
                }
                report.entries += 1;
                let page_complete = leaf.is_complete;
                each(SalvagedEntry { tree: name, key: &key, value, page_complete })?;
            }
            returned.insert(leaf.low, leaf.high);
        }
        Ok(())
    }
}

/// Disjoint ranges of keys: the lower bound of each, inclusive, and its upper bound, exclusive. An empty
/// upper bound is the end of the tree.
#[derive(Default)]
struct Ranges(BTreeMap<Vec<u8>, Vec<u8>>);

impl Ranges {
    fn contains(&self, key: &[u8]) -> bool {
        let before = self.0.range(..=key.to_vec()).next_back();
        before.is_some_and(|(_, high)| high.is_empty() || key < high.as_slice())
    }

    fn insert(&mut self, mut low: Vec<u8>, mut high: Vec<u8>) {
        let reaches = |high: &[u8], key: &[u8]| high.is_empty() || key <= high;
        if let Some((before, its_high)) = self.0.range(..=low.clone()).next_back()
            && reaches(its_high, &low)
        {
            high = if reaches(its_high, &high) && !high.is_empty() || its_high.is_empty() {
                its_high.clone()
            } else {
                high
            };
            low = before.clone();
        }
        while let Some((next, its_high)) = self.0.range(low.clone()..).next()
            && reaches(&high, next)
        {
            if its_high.is_empty() || (!high.is_empty() && *its_high > high) {
                high = its_high.clone();
            }
            let next = next.clone();
            self.0.remove(&next);
        }
        self.0.insert(low, high);
    }
}
