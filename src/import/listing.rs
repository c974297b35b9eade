//! Lists that can be as long as a project: complete in a file, and as an excerpt in a response.

use std::{
    collections::HashMap,
    fs::File,
    hash::Hash,
    io::{self, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::Path,
};

use schemars::JsonSchema;
use serde::Serialize;

/// The largest number of groups that a list counts. Entries of further groups are only in the file.
const GROUPS_MAX: usize = 10_000;

/// The largest number of groups of a list in a response.
const GROUPS_SHOWN_MAX: usize = 100;

/// A list of entries `T` with their locations `L`. Equal entries are grouped and counted.
pub struct Listing<T, L> {
    file: BufWriter<File>,
    locations_shown_max: usize,
    total: u64,
    groups: HashMap<T, Group<L>>,
}

struct Group<L> {
    count: u64,
    locations: Vec<L>,
}

/// The part of a list that a response shows.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "{T}List")]
pub struct ListExcerpt<T, L> {
    /// The number of all entries.
    pub total: u64,
    /// The first groups in sorted order, at most 100.
    pub shown: Vec<EntryGroup<T, L>>,
    /// The number of counted groups that are not shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub groups_left_out: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<T, L> Default for ListExcerpt<T, L> {
    fn default() -> Self {
        Self { total: 0, shown: Vec::new(), groups_left_out: 0 }
    }
}

/// An entry, how often it occurs, and its first locations.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "{T}Group")]
pub struct EntryGroup<T, L> {
    /// The common content of the grouped entries.
    #[serde(flatten)]
    pub entry: T,
    /// The number of occurrences of the entry.
    pub count: u64,
    /// The first locations in sorted order. There can be fewer than `count`.
    #[serde(rename = "places")]
    pub locations: Vec<L>,
}

/// An entry in the file.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Located{T}")]
pub struct LocatedEntry<'a, T, L> {
    /// The content of the entry.
    #[serde(flatten)]
    entry: &'a T,
    #[serde(flatten)]
    location: &'a L,
}

impl<T: Clone + Eq + Hash + Ord + Serialize, L: Clone + Ord + Serialize> Listing<T, L> {
    /// An empty list that keeps its entries in an unnamed file in `folder`. A response shows up to
    /// `locations_shown_max` locations of each group.
    pub fn new(folder: &Path, locations_shown_max: usize) -> io::Result<Self> {
        let file = BufWriter::new(tempfile::tempfile_in(folder)?);
        Ok(Self { file, locations_shown_max, total: 0, groups: HashMap::new() })
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: &T, location: L) -> io::Result<()> {
        if self.total > 0 {
            self.file.write_all(b",\n")?;
        }
        self.total += 1;
        serde_json::to_writer(&mut self.file, &LocatedEntry { entry, location: &location })?;
        if let Some(group) = self.groups.get_mut(entry) {
            group.count += 1;
            // The first locations of the document are kept, independent of the order of the
            // threads.
            if group.locations.len() < self.locations_shown_max {
                group.locations.push(location);
            } else if let Some(last) = group.locations.iter_mut().max()
                && location < *last
            {
                *last = location;
            }
        } else if self.groups.len() < GROUPS_MAX {
            self.groups.insert(entry.clone(), Group { count: 1, locations: vec![location] });
        }
        Ok(())
    }

    /// Returns whether the list has no entry.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The part that a response shows, with sorted groups.
    pub fn excerpt(&self) -> ListExcerpt<T, L> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|(entry, _)| *entry);
        let shown = groups.iter().take(GROUPS_SHOWN_MAX).map(|(entry, group)| {
            let mut locations = group.locations.clone();
            locations.sort_unstable();
            EntryGroup { entry: (*entry).clone(), count: group.count, locations }
        });
        ListExcerpt {
            total: self.total,
            shown: shown.collect(),
            groups_left_out: groups.len().saturating_sub(GROUPS_SHOWN_MAX) as u64,
        }
    }

    /// Writes all entries, as the content of a JSON list without its brackets.
    pub fn write_all(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut BufReader::new(file), out).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
    struct Fruit {
        color: &'static str,
    }

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
    struct Location {
        line: u64,
    }

    #[test]
    fn equal_entries_are_grouped_and_all_entries_are_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut list = Listing::new(folder.path(), 3).unwrap();
        for line in (0..50).rev() {
            list.push(&Fruit { color: if line == 7 { "b" } else { "a" } }, Location { line })
                .unwrap();
        }
        let excerpt = list.excerpt();
        assert_eq!((excerpt.total, excerpt.groups_left_out), (50, 0));
        assert_eq!(excerpt.shown[0].count, 49);
        assert_eq!(excerpt.shown[0].locations, [0, 1, 2].map(|line| Location { line }));
        assert_eq!(excerpt.shown[1].locations, [Location { line: 7 }]);

        let mut text = b"[".to_vec();
        list.write_all(&mut text).unwrap();
        text.push(b']');
        let all: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
        assert_eq!(all.len(), 50);
        assert_eq!(all[49]["color"], "a");
    }
}
