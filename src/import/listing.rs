//! Lists that can be as long as a project: whole in a file, and short in an answer.

use std::{
    collections::HashMap,
    fs::File,
    hash::Hash,
    io::{self, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::Path,
};

use serde::Serialize;

/// The most groups that a list counts. What belongs to none of them is in the file only.
const GROUPS_MAX: usize = 10_000;

/// The most entries of a list that an answer shows.
const SHOWN_MAX: usize = 100;

/// A list whose entries are a thing and a place: equal things are grouped and counted.
pub struct Listing<T, P> {
    file: BufWriter<File>,
    places_shown_max: usize,
    total: u64,
    groups: HashMap<T, Group<P>>,
}

struct Group<P> {
    count: u64,
    places: Vec<P>,
}

/// What an answer shows of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Shown<T, P> {
    /// All entries, also those that are not shown.
    pub total: u64,
    pub shown: Vec<Counted<T, P>>,
    /// Groups that are not shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub groups_left_out: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<T, P> Default for Shown<T, P> {
    fn default() -> Self {
        Self { total: 0, shown: Vec::new(), groups_left_out: 0 }
    }
}

/// A thing, how often it is there, and the first of its places.
#[derive(Clone, Debug, Serialize)]
pub struct Counted<T, P> {
    #[serde(flatten)]
    pub thing: T,
    pub count: u64,
    pub places: Vec<P>,
}

#[derive(Serialize)]
struct Entry<'a, T, P> {
    #[serde(flatten)]
    thing: &'a T,
    #[serde(flatten)]
    place: &'a P,
}

impl<T: Clone + Eq + Hash + Ord + Serialize, P: Clone + Ord + Serialize> Listing<T, P> {
    /// An empty list that keeps its entries in a file without a name in `folder`. An answer shows
    /// up to `places_shown_max` places of each group.
    pub fn new(folder: &Path, places_shown_max: usize) -> io::Result<Self> {
        let file = BufWriter::new(tempfile::tempfile_in(folder)?);
        Ok(Self { file, places_shown_max, total: 0, groups: HashMap::new() })
    }

    pub fn push(&mut self, thing: &T, place: P) -> io::Result<()> {
        if self.total > 0 {
            self.file.write_all(b",\n")?;
        }
        self.total += 1;
        serde_json::to_writer(&mut self.file, &Entry { thing, place: &place })?;
        if let Some(group) = self.groups.get_mut(thing) {
            group.count += 1;
            // The first in the document, whichever thread came first.
            if group.places.len() < self.places_shown_max {
                group.places.push(place);
            } else if let Some(last) = group.places.iter_mut().max()
                && place < *last
            {
                *last = place;
            }
        } else if self.groups.len() < GROUPS_MAX {
            self.groups.insert(thing.clone(), Group { count: 1, places: vec![place] });
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// What an answer shows: the groups in order.
    pub fn shown(&self) -> Shown<T, P> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|(thing, _)| *thing);
        let shown = groups.iter().take(SHOWN_MAX).map(|(thing, group)| {
            let mut places = group.places.clone();
            places.sort_unstable();
            Counted { thing: (*thing).clone(), count: group.count, places }
        });
        Shown {
            total: self.total,
            shown: shown.collect(),
            groups_left_out: groups.len().saturating_sub(SHOWN_MAX) as u64,
        }
    }

    /// Writes all entries, as what stands between the brackets of a JSON list.
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
    struct Thing {
        what: &'static str,
    }

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
    struct Place {
        line: u64,
    }

    #[test]
    fn equal_things_are_grouped_and_every_one_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut list = Listing::new(folder.path(), 3).unwrap();
        for line in (0..50).rev() {
            list.push(&Thing { what: if line == 7 { "b" } else { "a" } }, Place { line }).unwrap();
        }
        let shown = list.shown();
        assert_eq!((shown.total, shown.groups_left_out), (50, 0));
        assert_eq!(shown.shown[0].count, 49);
        assert_eq!(shown.shown[0].places, [0, 1, 2].map(|line| Place { line }));
        assert_eq!(shown.shown[1].places, [Place { line: 7 }]);

        let mut text = b"[".to_vec();
        list.write_all(&mut text).unwrap();
        text.push(b']');
        let all: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
        assert_eq!(all.len(), 50);
        assert_eq!(all[49]["what"], "a");
    }
}
