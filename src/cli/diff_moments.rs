//! `satchel diff --since`: shows how the inventory has changed between two moments of the history.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    change::{Change, KindChanges, Record},
    output::{self, OutputArgs, table},
    report::{Length, changed_records},
    safe_text::safe,
    target::Target,
};
use crate::http::paths::{self, percent_encode};

/// The two moments, as the user has written them.
pub(super) struct Moments<'a> {
    pub since: &'a str,
    /// `None` for now.
    pub to: Option<&'a str>,
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Different,
    /// The differences are not all known.
    Incomplete,
}

/// The differences, as the REST API returns them.
#[derive(Deserialize)]
struct Difference {
    summary: String,
    complete: bool,
    types: Vec<KindChanges>,
    records: Vec<Record>,
    not_compared: Vec<Change>,
}

/// Prints the differences between two moments.
///
/// # Errors
/// The server cannot be reached, or its history does not have the moments.
pub(super) fn compare(
    moments: &Moments<'_>,
    target: &Target,
    all: bool,
    out: OutputArgs,
) -> anyhow::Result<Comparison> {
    let connection = target.connect(&out.progress())?;
    let since = percent_encode(moments.since);
    let mut path = format!("{}?since={since}", paths::DIFFERENCE.pattern());
    if let Some(to) = moments.to {
        path += &format!("&to={}", percent_encode(to));
    }
    let response = connection.client.get(&path)?;
    let difference: Difference = response.read()?;
    if out.json {
        output::print_json(&response.text)?;
    } else {
        output::print(&difference.text(if all { Length::All } else { Length::Short }))?;
    }
    connection.close()?;
    Ok(match (difference.complete, difference.records.is_empty()) {
        (false, _) => Comparison::Incomplete,
        (true, false) => Comparison::Different,
        (true, true) => Comparison::Equal,
    })
}

impl Difference {
    fn text(&self, length: Length) -> String {
        let mut text = format!("{}\n", safe(&self.summary));
        if !self.types.is_empty() {
            let rows: Vec<Vec<String>> = self.types.iter().map(KindChanges::cells).collect();
            text += &format!("\n{}", table(&["type", "created", "updated", "deleted"], &rows));
        }
        if !self.records.is_empty() {
            text += &changed_records(&self.groups(), self.records.len() as u64, length);
        }
        for (index, change) in self.not_compared.iter().enumerate() {
            let before = if index == 0 { "\n" } else { "" };
            text += &format!(
                "{before}Note: change {} at {} ({}) replaced the whole inventory. Its records \
                 are not compared, because the copy from before it is no longer kept\n",
                change.number,
                safe(&change.time),
                safe(&change.operation)
            );
        }
        text
    }

    /// The records by type and effect, as the report of an import has them.
    fn groups(&self) -> Vec<Value> {
        let mut groups = BTreeMap::<(&str, &str), Vec<Value>>::new();
        for record in &self.records {
            let group = groups.entry((&record.r#type, record.effect())).or_default();
            group.push(record.location());
        }
        let groups = groups.into_iter().map(|((kind, effect), places)| {
            json!({"type": kind, "change": effect, "count": places.len(), "places": places})
        });
        groups.collect()
    }
}
