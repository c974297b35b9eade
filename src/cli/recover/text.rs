//! The output of `satchel recover`, as text and JSON.

use std::{fmt::Write, path::Path};

use serde_json::{Value, json};

use super::{RecoverOutput, recovered_json};
use crate::{
    cli::output::{counted, number, table},
    cli::safe_text::safe,
    migration::{ImportReport, ProjectName, ProjectSummary},
    model::Kind,
    store::{
        HistoryLoss, KnownCounts, PreviousState, Recovered, RecoveryState, RewriteReport,
        SalvageReport,
    },
};

/// The largest number of listed projects, the newest first.
const PROJECTS_SHOWN_MAX: usize = 10;

/// The largest number of lost records in the text. The JSON has up to 1,000.
const LOST_SHOWN_MAX: usize = 20;

/// The state of a data directory, and the methods of recovery that apply to it.
pub(super) struct Findings<'a> {
    pub data: &'a Path,
    pub state: &'a RecoveryState,
    pub previous: PreviousState,
    pub salvage: anyhow::Result<SalvageReport>,
    pub projects: Vec<ProjectSummary>,
}

/// Renders an intact inventory, with the lost parts of its history.
pub(super) fn render_intact(data: &Path, losses: &[HistoryLoss]) -> RecoverOutput {
    let mut text = format!("The inventory in {} is intact.\n", data.display());
    for loss in losses {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{}.", safe(&loss.to_string()));
    }
    let losses: Vec<String> = losses.iter().map(ToString::to_string).collect();
    RecoverOutput { text, json: json!({"state": "intact", "history_losses": losses}) }
}

impl Findings<'_> {
    pub(super) fn text(&self) -> String {
        let data = self.data.display();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = match self.state {
            RecoveryState::Intact => writeln!(text, "The inventory in {data} is intact."),
            RecoveryState::NoKey(problem) => writeln!(
                text,
                "The key of {data} cannot be used: {problem}.\n\nWays to recover:\n\n\
                 \x20 Restore the file `key` from a backup.\n\n\
                 \x20 satchel recover --new-key --data {data}\n\
                 \x20     make a new key; removes all secrets and keeps everything else\n\n\
                 \x20 satchel recover --salvage --data {data}\n\
                 \x20     the same, if the inventory is damaged as well"
            ),
            RecoveryState::Damaged(damage) => {
                let _ = writeln!(text, "The inventory in {data} is damaged:");
                for finding in &damage.findings {
                    let _ = writeln!(text, "  - {}", safe(finding));
                }
                if let Some(known) = &damage.known {
                    let _ = writeln!(text, "Last known good state: {known}.");
                }
                self.write_methods(&mut text)
            }
        };
        text
    }

    /// Writes the methods of recovery for a damaged inventory.
    fn write_methods(&self, text: &mut String) -> std::fmt::Result {
        let data = self.data.display();
        writeln!(text, "\nNothing was changed. Ways to recover:\n")?;
        match &self.previous {
            PreviousState::Intact(note) => writeln!(
                text,
                "  satchel recover --previous --data {data}\n      \
                 go back to the inventory before the last import or undo: {}",
                counted(note.records, "record")
            )?,
            PreviousState::Damaged(damage) => writeln!(
                text,
                "  The previous generation is damaged too: {}.",
                safe(&damage.findings.join("; "))
            )?,
            PreviousState::None => writeln!(text, "  There is no previous generation.")?,
        }
        match &self.salvage {
            Ok(report) if report.rewritten.kept() == 0 => {
                writeln!(text, "\n  Nothing can be salvaged: no record can be read.")?;
            }
            Ok(report) => writeln!(
                text,
                "\n  satchel recover --salvage --data {data}\n      {}",
                salvage_sentence(report)
            )?,
            Err(error) => writeln!(
                text,
                "\n  It is unknown whether records can be salvaged: {}.",
                safe(&format!("{error:#}"))
            )?,
        }
        for project in self.projects.iter().take(PROJECTS_SHOWN_MAX) {
            writeln!(
                text,
                "\n  satchel recover --import {} --data {data}\n      {}",
                safe(&project.name),
                project_sentence(project)
            )?;
        }
        if self.projects.is_empty() {
            writeln!(text, "\n  The project library contains no project that can be imported.")?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let (state, findings, known) = match self.state {
            RecoveryState::Intact => ("intact", Vec::new(), None),
            RecoveryState::NoKey(problem) => ("no_key", vec![problem.clone()], None),
            RecoveryState::Damaged(damage) => {
                ("damaged", damage.findings.clone(), damage.known.as_ref().map(note_json))
            }
        };
        let previous = match &self.previous {
            PreviousState::None => Value::Null,
            PreviousState::Intact(note) => note_json(note),
            PreviousState::Damaged(damage) => json!({"findings": damage.findings}),
        };
        let projects = self.projects.iter().map(|project| {
            let records: Option<u64> = records_of(project);
            json!({
                "name": project.name, "export_time": project.export_time, "records": records,
            })
        });
        json!({
            "state": state,
            "findings": findings,
            "known": known,
            "previous": previous,
            "salvage": self.salvage.as_ref().ok().map(salvage_json),
            "projects": projects.collect::<Vec<_>>(),
        })
    }
}

fn note_json(note: &KnownCounts) -> Value {
    json!({
        "generation": note.generation, "version": note.version, "records": note.records,
        "time": note.time,
    })
}

/// The number of records that a project declares; `None` if a document does not.
fn records_of(project: &ProjectSummary) -> Option<u64> {
    let documents = project.documents.iter().filter_map(|(_, document)| document.as_ref());
    documents.map(|document| document.records).sum()
}

/// A sentence with the newest projects of a library. `None` if there is no project.
pub(super) fn library_sentence(projects: &[ProjectSummary]) -> Option<String> {
    /// The largest number of projects in the sentence.
    const NAMED_MAX: usize = 3;
    let named = projects.iter().take(NAMED_MAX).map(|project| {
        let records = match records_of(project) {
            Some(records) => counted(records, "record"),
            None => "an unknown number of records".to_owned(),
        };
        let time = project.export_time.as_ref().map(|time| format!(", exported at {}", safe(time)));
        format!("“{}” ({records}{})", safe(&project.name), time.unwrap_or_default())
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = projects.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("The project library contains {named}{more}."))
}

fn project_sentence(project: &ProjectSummary) -> String {
    let records = match records_of(project) {
        Some(records) => counted(records, "record"),
        None => "an unknown number of records".to_owned(),
    };
    match &project.export_time {
        Some(time) => format!(
            "start a new inventory from this project: {records}, exported at {}",
            safe(time)
        ),
        None => format!("start a new inventory from this project: {records}"),
    }
}

fn salvage_sentence(report: &SalvageReport) -> String {
    let kept = counted(report.rewritten.kept(), "record");
    match &report.known {
        Some(known) => {
            let known = known.iter().map(|(_, count)| count).sum();
            format!("keep the readable records: {kept} of {}", number(known))
        }
        None => format!("keep the readable records: {kept}"),
    }
}

fn salvage_json(report: &SalvageReport) -> Value {
    let types = Kind::ALL.map(|kind| {
        let rewritten = report.rewritten.kinds[kind];
        json!({
            "type": kind,
            "known": report.known.as_ref().map(|known| known[kind]),
            "kept": rewritten.kept,
            "unreadable": rewritten.unreadable,
            "rejected": rewritten.rejected,
        })
    });
    json!({
        "types": types,
        "damaged_places": report.damaged_places,
        "uncertain": report.uncertain,
        "unassigned": report.unassigned,
        "rewritten": rewrite_json(&report.rewritten),
    })
}

fn rewrite_json(report: &RewriteReport) -> Value {
    let lost = report
        .lost
        .iter()
        .map(|lost| json!({"type": lost.kind, "name": lost.name, "why": lost.why}));
    json!({
        "kept": report.kept(),
        "texts": report.texts,
        "texts_lost": report.texts_lost,
        "references_removed": report.references_removed,
        "secrets_dropped": report.secrets_dropped,
        "lost": lost.collect::<Vec<_>>(),
    })
}

/// Renders the plan to go back to the previous generation.
pub(super) fn render_previous_plan(previous: &PreviousState) -> RecoverOutput {
    match previous {
        PreviousState::Intact(note) => RecoverOutput {
            text: format!(
                "The previous generation is intact and becomes the inventory: {}.\n",
                counted(note.records, "record")
            ),
            json: json!({"previous": note_json(note)}),
        },
        PreviousState::Damaged(damage) => RecoverOutput {
            text: format!(
                "The previous generation is damaged too: {}.\n",
                safe(&damage.findings.join("; "))
            ),
            json: json!({"previous": {"findings": damage.findings}}),
        },
        PreviousState::None => RecoverOutput {
            text: "There is no previous generation.\n".to_owned(),
            json: json!({"previous": null}),
        },
    }
}

/// Renders the kept and the lost records of a salvage.
pub(super) fn render_salvage_report(report: &SalvageReport) -> RecoverOutput {
    let rows: Vec<Vec<String>> = Kind::ALL
        .into_iter()
        .map(|kind| {
            let rewritten = report.rewritten.kinds[kind];
            let known = report.known.as_ref();
            vec![
                kind.to_string(),
                known.map_or("unknown".to_owned(), |known| number(known[kind])),
                number(rewritten.kept),
                number(rewritten.unreadable),
                number(rewritten.rejected),
            ]
        })
        .collect();
    let mut text = table(&["type", "known", "kept", "unreadable", "target missing"], &rows);
    let rewritten = &report.rewritten;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\nDamaged locations in the database: {}\nReferences removed, because their target is lost: \
         {}\nConfigurations kept: {}\nConfigurations lost: {}",
        number(report.damaged_places),
        number(rewritten.references_removed),
        number(rewritten.texts),
        number(rewritten.texts_lost)
    );
    if report.uncertain > 0 {
        let _ = writeln!(
            text,
            "{} might be outdated: the newest version cannot be read. Check the records after the recovery.",
            counted(report.uncertain, "stored value")
        );
    }
    for lost in rewritten.lost.iter().take(LOST_SHOWN_MAX) {
        let _ = writeln!(text, "lost: {} '{}': {}", lost.kind, safe(&lost.name), safe(&lost.why));
    }
    let more = rewritten.lost.len().saturating_sub(LOST_SHOWN_MAX);
    if more > 0 {
        let _ = writeln!(text, "… and {more} more. --json lists up to 1,000.");
    }
    RecoverOutput { text, json: json!({"salvage": salvage_json(report)}) }
}

/// Renders the number of records that a project contains.
pub(super) fn render_import_report(name: &ProjectName, report: &ImportReport) -> RecoverOutput {
    let records: u64 = report.types.iter().map(|one| one.total).sum();
    RecoverOutput {
        text: format!("The project “{name}” contains {}.\n", counted(records, "record")),
        json: json!({"project": name.as_str(), "records": records}),
    }
}

/// Renders the plan to make a new key.
pub(super) fn render_new_key_plan() -> RecoverOutput {
    RecoverOutput {
        text:
            "A new key is made. Every password, key and token in the inventory is removed: users \
               cannot log in until they get new passwords. Everything else is kept. If there is an \
               old key file, it is renamed to key.old-TIME.\n"
                .to_owned(),
        json: json!({"new_key": true}),
    }
}

/// Renders the removed secrets, after a new key was made.
pub(super) fn render_new_key_report(report: &RewriteReport) -> RecoverOutput {
    RecoverOutput {
        text: format!(
            "{} kept, {} removed. If there was a key file, it was renamed to key.old-TIME.\n",
            counted(report.kept(), "record"),
            counted(report.secrets_dropped, "secret")
        ),
        json: json!({"rewritten": rewrite_json(report)}),
    }
}

/// Renders the return to the previous generation, whose key is still missing or wrong.
pub(super) fn render_previous_without_key(data: &Path, recovered: &Recovered) -> RecoverOutput {
    RecoverOutput {
        text: format!(
            "The previous generation is now the inventory: {}.\nMake a new key: satchel recover \
             --new-key --data {}\n",
            counted(recovered.now.records, "record"),
            data.display()
        ),
        json: recovered_json(recovered),
    }
}

/// Renders the result of a recovery, with the next step.
pub(super) fn render_recovered(
    data: &Path,
    recovered: &Recovered,
    details: Option<RecoverOutput>,
    has_administrator: bool,
) -> RecoverOutput {
    let mut json = recovered_json(recovered);
    let mut text = String::new();
    if let Some(details) = details {
        text += &details.text;
        json["details"] = details.json;
    }
    let data = data.display();
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, "The inventory is recovered: {}.", counted(recovered.now.records, "record"));
    if let Some(folder) = &recovered.damaged_files {
        let _ = writeln!(text, "The files of the damaged inventory are in {}.", folder.display());
    }
    if !has_administrator {
        let _ = writeln!(
            text,
            "No administrator can log in. Create one: satchel passwd NAME --administrator --data {data}"
        );
    }
    let _ = writeln!(
        text,
        "Verify the inventory before you start the server: satchel verify --data {data}"
    );
    json["administrator"] = has_administrator.into();
    RecoverOutput { text, json }
}
