//! Formats the report of an import for people. `import` and `diff` print it.

use std::fmt::Write as _;

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    output::{number, table},
    safe_text::safe,
    target::Client,
};

/// The largest number of groups of a list that are printed without `--all`.
const GROUPS_SHOWN_MAX: usize = 20;

/// The largest number of locations or records of a group that are printed without `--all`.
const LOCATIONS_SHOWN_MAX: usize = 5;

/// The length of printed lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Short,
    All,
}

/// The report of an import, as the REST API returns it: with status 200 or 206, or as a problem with
/// 422.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    pub outcome: Outcome,
    pub summary: String,
    #[serde(default)]
    pub types: Vec<KindRow>,
    #[serde(default)]
    problems: List,
    /// The problems of an import that was rejected.
    #[serde(default)]
    errors: Vec<Value>,
    #[serde(default)]
    dangling: List,
    #[serde(default)]
    struck: List,
    #[serde(default)]
    converted: List,
    #[serde(default)]
    administrators: List,
    #[serde(default)]
    pub changes: List,
    #[serde(default)]
    warnings: Vec<String>,
    /// Headings and the properties that the server proposes for them.
    #[serde(default)]
    pub proposed_mapping: Map<String, Value>,
    /// The path of the complete report on the server.
    pub report: Option<String>,
    /// The path of the marked workbook on the server.
    pub marked_workbook: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Imported,
    ImportedInPart,
    Rejected,
    DryRun,
}

#[derive(Debug, Deserialize)]
pub(super) struct KindRow {
    #[serde(rename = "type")]
    kind: String,
    pub created: u64,
    pub updated: u64,
    unchanged: u64,
    pub removed: u64,
    pub adjusted: u64,
    rejected: u64,
    total: u64,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct List {
    pub total: u64,
    shown: Vec<Value>,
}

/// The lists of a whole report, with all entries.
#[derive(Default, Deserialize)]
struct Whole {
    #[serde(default)]
    problems: Vec<Value>,
    #[serde(default)]
    dangling: Vec<Value>,
    #[serde(default)]
    struck: Vec<Value>,
    #[serde(default)]
    converted: Vec<Value>,
    #[serde(default)]
    administrators: Vec<Value>,
    #[serde(default)]
    changes: Vec<Value>,
}

impl Report {
    /// Returns whether no incoming record was rejected.
    pub(super) fn is_good(&self) -> bool {
        match self.outcome {
            Outcome::Imported | Outcome::DryRun => self.problems.total == 0,
            Outcome::ImportedInPart | Outcome::Rejected => false,
        }
    }

    /// Returns whether the import or its dry run has changes.
    pub(super) fn differs(&self) -> bool {
        self.types.iter().any(|row| row.created + row.updated + row.removed + row.adjusted > 0)
    }

    /// The number of incoming records that were rejected.
    pub(super) fn rejected(&self) -> u64 {
        self.types.iter().map(|row| row.rejected).sum()
    }

    /// Replaces the summary by one of a comparison of two projects.
    pub(super) fn summarize_as_comparison(&mut self) {
        let sum = |of: fn(&KindRow) -> u64| number(self.types.iter().map(of).sum());
        self.summary = match self.outcome {
            Outcome::Rejected => "Cannot read the second project.".to_owned(),
            Outcome::Imported | Outcome::ImportedInPart | Outcome::DryRun => format!(
                "From the first project to the second: {} created, {} updated, {} unchanged, {} \
                 removed.",
                sum(|row| row.created),
                sum(|row| row.updated),
                sum(|row| row.unchanged),
                sum(|row| row.removed)
            ),
        };
    }

    /// The number of records that the import removes or would remove.
    pub(super) fn removed(&self) -> u64 {
        self.types.iter().map(|row| row.removed).sum()
    }

    /// With [`Length::All`], downloads all entries of all lists.
    ///
    /// # Errors
    /// An error if the server cannot be reached, or no longer has the complete report.
    pub(super) fn lengthen(&mut self, length: Length, client: &Client) -> anyhow::Result<()> {
        let (Length::All, Some(path)) = (length, &self.report) else { return Ok(()) };
        let whole: Whole =
            client.get(path).context("Cannot download the complete report")?.read()?;
        let list = |shown: Vec<Value>| List { total: shown.len() as u64, shown };
        self.errors.clear();
        self.problems = list(whole.problems);
        self.dangling = list(whole.dangling);
        self.struck = list(whole.struck);
        self.converted = list(whole.converted);
        self.administrators = list(whole.administrators);
        self.changes = list(whole.changes);
        Ok(())
    }

    /// Formats the report: summary, table of counts, problems with their locations, changes.
    pub(super) fn text(&self, length: Length) -> String {
        let mut text = format!("{}\n", safe(&self.summary));
        if !self.types.is_empty() {
            let rows: Vec<_> = self.types.iter().map(KindRow::cells).collect();
            text.push('\n');
            text += &table(&KindRow::HEADINGS, &rows);
        }
        let administrators = &self.administrators;
        if administrators.total > 0 {
            // All administrators are listed: they are more important than a short report.
            let (title, list, total) =
                ("Administrators", &administrators.shown, administrators.total);
            text += &lines(title, list, total, administrator, Length::All);
        }
        let mut section = |title: &str, list: &[Value], total: u64, line: fn(&Value) -> String| {
            if total > 0 {
                text += &lines(title, list, total, line, length);
            }
        };
        if self.errors.is_empty() {
            section("Problems", &self.problems.shown, self.problems.total, problem);
        } else {
            let total = self.errors.iter().map(count).sum();
            section("Problems", &self.errors, total, problem);
        }
        section(
            "References left out because their target does not exist",
            &self.dangling.shown,
            self.dangling.total,
            dangling,
        );
        section(
            "References removed because their target is deleted",
            &self.struck.shown,
            self.struck.total,
            dangling,
        );
        section(
            "Values converted to another data type",
            &self.converted.shown,
            self.converted.total,
            converted,
        );
        section("Changes", &self.changes.shown, self.changes.total, change);
        for (number, warning) in self.warnings.iter().enumerate() {
            let before = if number == 0 { "\n" } else { "" };
            let _ = writeln!(text, "{before}Note: {}", safe(warning));
        }
        text
    }
}

impl KindRow {
    const HEADINGS: [&str; 8] =
        ["type", "created", "updated", "unchanged", "removed", "adjusted", "rejected", "total"];

    fn cells(&self) -> Vec<String> {
        let numbers = [
            self.created,
            self.updated,
            self.unchanged,
            self.removed,
            self.adjusted,
            self.rejected,
            self.total,
        ];
        let mut cells = vec![safe(&self.kind)];
        cells.extend(numbers.map(number));
        cells
    }
}

/// Formats the changed records of a comparison, in groups.
pub(super) fn changed_records(groups: &[Value], total: u64, length: Length) -> String {
    lines("Changes", groups, total, change, length)
}

/// Formats one list of a report.
fn lines(
    title: &str,
    list: &[Value],
    total: u64,
    line: fn(&Value) -> String,
    length: Length,
) -> String {
    let groups_max = if length == Length::All { usize::MAX } else { GROUPS_SHOWN_MAX };
    let locations_max = if length == Length::All { usize::MAX } else { LOCATIONS_SHOWN_MAX };
    let mut text = format!("\n{title}: {}\n", number(total));
    let mut printed = 0;
    for group in list.iter().take(groups_max) {
        let _ = writeln!(text, "  {}", line(group));
        let locations = locations(group);
        for location in locations.iter().take(locations_max) {
            text += &location_text(location);
        }
        let shown = locations.len().min(locations_max) as u64;
        if count(group) > shown {
            let _ = writeln!(
                text,
                "      and {} more (--all shows them)",
                number(count(group) - shown)
            );
        }
        printed += count(group);
    }
    if total > printed {
        let _ = writeln!(text, "  and {} more (--all shows them)", number(total - printed));
    }
    text
}

fn word<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str)
}

/// The number of entries in a group.
fn count(group: &Value) -> u64 {
    group.get("count").and_then(Value::as_u64).unwrap_or(1)
}

/// The locations of a group. In a whole report each entry is its own location.
fn locations(group: &Value) -> Vec<&Value> {
    match group.get("places").and_then(Value::as_array) {
        Some(locations) => locations.iter().collect(),
        None => vec![group],
    }
}

fn problem(group: &Value) -> String {
    let mut line = document(group);
    if let Some(property) = word(group, "property") {
        let _ = write!(line, ", {}", safe(property));
    }
    if let Some(value) = group.get("value") {
        let _ = write!(line, " = {}", safe(&value.to_string()));
    }
    let _ = write!(line, ": {}", safe(word(group, "detail").unwrap_or_default()));
    line
}

fn document(group: &Value) -> String {
    let document = word(group, "document");
    let sheet = || word(group, "sheet").map(|sheet| format!("sheet {}", safe(sheet)));
    document.map(safe).or_else(sheet).unwrap_or_default()
}

fn dangling(group: &Value) -> String {
    let of = |member| safe(word(group, member).unwrap_or_default());
    let nearest = word(group, "nearest");
    let advice =
        nearest.map_or_else(String::new, |name| format!(". Did you mean '{}'?", safe(name)));
    format!("{}, {}: no record '{}'{advice}", of("type"), of("property"), of("missing"))
}

fn converted(group: &Value) -> String {
    format!("{}, {}", document(group), safe(word(group, "property").unwrap_or_default()))
}

fn change(group: &Value) -> String {
    let of = |member| safe(word(group, member).unwrap_or_default());
    format!("{} {}", of("type"), of("change"))
}

/// The change of an administrator, in words.
fn administrator(group: &Value) -> String {
    administrator_change(word(group, "change").unwrap_or_default())
}

/// The words for a change of an administrator in a report.
pub(super) fn administrator_change(change: &str) -> String {
    let words = match change {
        "rights_lost" => "loses administrator rights",
        "rights_gained" => "gains administrator rights",
        "password_changed" => "password changed",
        "password_is_name" => {
            "the password is the user's name: it works on the server's machine only"
        }
        "hash_unusable" => "the password hash cannot be used: the user cannot log in",
        "name_unusable" => "nobody can log in with this name",
        "removed" | "created" => change,
        other => return safe(other),
    };
    words.to_owned()
}

/// Formats one location: a record with its changed properties, or a cell or line.
fn location_text(location: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(record) = word(location, "record") {
        parts.push(safe(record));
    }
    if let Some(cell) = word(location, "cell") {
        parts.push(format!("cell {}", safe(cell)));
    }
    for member in ["row", "line", "column"] {
        if let Some(number) = location.get(member).and_then(Value::as_u64) {
            parts.push(format!("{member} {number}"));
        }
    }
    if parts.is_empty() {
        return String::new();
    }
    let mut text = format!("      {}\n", parts.join(", "));
    let properties = location.get("properties").and_then(Value::as_array);
    for property in properties.into_iter().flatten() {
        let side = |member| property.get(member).map(|value| safe(&value.to_string()));
        let name = safe(word(property, "property").unwrap_or_default());
        let _ = match (side("before"), side("after")) {
            (None, None) => writeln!(text, "          {name}: changed (not shown)"),
            (before, after) => {
                let (none, to) = ("(nothing)".to_owned(), "→");
                let before = before.unwrap_or_else(|| none.clone());
                writeln!(text, "          {name}: {before} {to} {}", after.unwrap_or(none))
            }
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(of: Value) -> Report {
        let mut whole =
            json!({"outcome": "dry_run", "summary": "Nothing was changed.", "types": []});
        whole.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn problems_have_locations_and_the_rest_is_counted() {
        let places: Vec<_> =
            (0..7).map(|line| json!({"record": "R 1%\u{1b}", "line": line})).collect();
        let report = report(json!({"outcome": "rejected", "errors": [{
            "document": "link.yaml", "property": "destination", "value": "nowhere",
            "detail": "there is none", "count": 300, "places": places, "record": "R 1%",
        }]}));
        assert!(!report.is_good());
        let text = report.text(Length::Short);
        assert!(text.contains("Problems: 300\n"), "{text}");
        assert!(text.contains("  link.yaml, destination = \"nowhere\": there is none\n"), "{text}");
        assert!(
            text.contains("      R 1%\\u{1b}, line 4\n      and 295 more (--all shows them)\n"),
            "{text}"
        );
    }

    #[test]
    fn all_administrators_are_named() {
        let places: Vec<_> = (0..30).map(|n| json!({"record": format!("é {n}\u{1b}")})).collect();
        let report = report(json!({"administrators": {"total": 31, "shown": [
            {"change": "rights_lost", "count": 30, "places": places},
            {"change": "password_changed", "count": 1, "places": [{"record": "admin"}]},
        ]}}));
        let text = report.text(Length::Short);
        assert!(text.contains("\nAdministrators: 31\n  loses administrator rights\n"), "{text}");
        assert!(text.contains("      é 29\\u{1b}\n  password changed\n      admin\n"), "{text}");
    }

    #[test]
    fn changes_are_shown_property_by_property() {
        let report = report(json!({"changes": {"total": 1, "shown": [{
            "type": "device", "change": "updated", "count": 1, "places": [{
                "record": "é>b",
                "properties": [
                    {"property": "port", "before": 22, "after": 2022},
                    {"property": "rack", "after": "r"},
                    {"property": "password"},
                ],
            }],
        }]}}));
        let text = report.text(Length::Short);
        for line in ["device updated", "é>b", "port: 22 → 2022", "rack: (nothing) → \"r\""] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.contains("password: changed (not shown)"), "{text}");
    }
}
