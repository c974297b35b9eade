//! The bodies of `migrate/export` and `migrate/import`.

use serde_json::{Map, Value};

use crate::http::members::{Flaws, Members, found};
use crate::http::problem::{Problem, shorten};
use crate::import::{Mode, OnError};
use crate::migration::{EmptyFirst, ExportRequest, ImportRequest, ProjectName};
use crate::model::{Kind, Secrets};

/// The manual says `name`; eNMS's own form sends `export_filename`.
const NAME: [&str; 2] = ["name", "export_filename"];
const TYPES: &str = "import_export_types";
const EMPTY: &str = "empty_database_before_import";
const KEEP_ABSENT: &str = "keep_absent_types";
const SECRETS: &str = "export_private_properties";
const ON_ERROR: &str = "on_error";
const DRY_RUN: &str = "dry_run";

/// What an export is asked for, and warnings.
pub(super) fn parse_export(
    object: Map<String, Value>,
) -> Result<(ExportRequest, Vec<String>), Problem> {
    let mut members = Members::new(object);
    let name = members.required(&NAME, project_name);
    let kinds = members.required(&[TYPES], kinds);
    let secrets = members.switch(SECRETS, Secrets::Included, Secrets::LeftOut, Secrets::Included);
    // The manual's example gives both calls the same body.
    members.switch(EMPTY, (), (), ());
    let request = (|| Some(ExportRequest { name: name?, kinds: kinds?, secrets: secrets? }))();
    members.finish(request)
}

/// What an import is asked for, and warnings.
pub(super) fn parse_import(
    object: Map<String, Value>,
) -> Result<(ImportRequest, Vec<String>), Problem> {
    let mut members = Members::new(object);
    let name = members.required(&NAME, project_name);
    let kinds = members.required(&[TYPES], kinds);
    let empty = members.switch(EMPTY, EmptyFirst::No, EmptyFirst::No, EmptyFirst::Yes);
    let keep_absent = members.switch(KEEP_ABSENT, false, false, true);
    let mode = members.switch(DRY_RUN, Mode::Apply, Mode::Apply, Mode::DryRun);
    let on_error = members.choice(ON_ERROR, &[("fail", OnError::Fail), ("skip", OnError::Skip)]);
    // The same body again: of no meaning here.
    members.switch(SECRETS, (), (), ());
    let request = (|| {
        let empty = match (empty?, keep_absent?) {
            (EmptyFirst::Yes, true) => EmptyFirst::WithDocument,
            (empty, _) => empty,
        };
        Some(ImportRequest { name: name?, kinds: kinds?, empty, on_error: on_error?, mode: mode? })
    })();
    members.finish(request)
}

fn project_name(flaws: &mut Flaws<'_>, value: &Value) -> Option<ProjectName> {
    let Value::String(text) = value else {
        flaws.wrong(value, &format!("{}; a project's name is expected", found(value)));
        return None;
    };
    text.parse()
        .inspect_err(|error| flaws.wrong(value, &format!("is “{}”; {error}", shorten(text))))
        .ok()
}

fn kinds(flaws: &mut Flaws<'_>, value: &Value) -> Option<Vec<Kind>> {
    let Value::Array(items) = value else {
        flaws.wrong(value, &format!("{}; a list of types is expected", found(value)));
        return None;
    };
    if items.is_empty() {
        // A backup of nothing must not look like one.
        flaws.wrong(value, "is empty; it must name at least one type");
        return None;
    }
    let mut kinds = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item {
            Value::String(word) => match word.parse::<Kind>() {
                Ok(kind) if kinds.contains(&kind) => {}
                Ok(kind) => kinds.push(kind),
                Err(_) => {
                    flaws.item(index).unknown_word(word, &Kind::ALL.map(Kind::as_str));
                }
            },
            other => {
                flaws.item(index).wrong(other, &format!("{}; a type is expected", found(other)));
            }
        }
    }
    Some(kinds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn the_example_of_the_manual_is_read() {
        let body = json!({
            "name": "Backup",
            "empty_database_before_import": false,
            "import_export_types": ["user", "group", "device", "user"],
        });
        let (import, warnings) = parse_import(object(body.clone())).unwrap();
        assert_eq!(import.name.as_str(), "Backup");
        assert_eq!(import.kinds, [Kind::User, Kind::Group, Kind::Device]);
        assert_eq!(import.empty, EmptyFirst::No);
        assert_eq!((import.on_error, import.mode), (OnError::Fail, Mode::Apply));
        assert!(warnings.is_empty());
        let (export, warnings) = parse_export(object(body)).unwrap();
        assert_eq!(export.secrets, Secrets::Included);
        assert!(warnings.is_empty());
    }

    #[test]
    fn what_enms_sends_beside_the_manual_is_read() {
        let body = json!({
            "export_filename": "a b",
            "import_export_types": ["workflow_edge"],
            "empty_database_before_import": "True",
            "dry_run": "true",
            "on_error": "skip",
            "export_private_properties": "False",
        });
        let (import, _) = parse_import(object(body.clone())).unwrap();
        assert_eq!(import.empty, EmptyFirst::Yes);
        assert_eq!((import.on_error, import.mode), (OnError::Skip, Mode::DryRun));
        let (export, warnings) = parse_export(object(body)).unwrap();
        assert_eq!(export.secrets, Secrets::LeftOut);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }

    #[test]
    fn absent_types_are_kept_where_that_is_asked_for() {
        for (empty, keep, expected) in [
            (true, false, EmptyFirst::Yes),
            (true, true, EmptyFirst::WithDocument),
            (false, true, EmptyFirst::No),
        ] {
            let body = json!({
                "name": "a",
                "import_export_types": ["user"],
                "empty_database_before_import": empty,
                "keep_absent_types": keep,
            });
            assert_eq!(parse_import(object(body)).unwrap().0.empty, expected);
        }
    }

    #[test]
    fn an_unknown_member_is_a_warning_with_the_nearest() {
        let body = json!({"name": "a", "import_export_types": ["user"], "dry_rnu": true});
        let (_, warnings) = parse_import(object(body)).unwrap();
        assert_eq!(
            warnings,
            ["The member “dry_rnu” is not known and was ignored. Was “dry_run” meant?"]
        );
    }

    #[test]
    fn two_names_must_not_differ() {
        let body = |other| {
            object(json!({"name": "a", "export_filename": other, "import_export_types": ["user"]}))
        };
        assert!(parse_export(body("a")).is_ok());
        assert!(parse_export(body("b")).is_err());
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        for parse in [|o| parse_import(o).err(), |o| parse_export(o).err()] {
            let body = json!({
                "name": "../x",
                "import_export_types": ["user", "devise", 7],
                "empty_database_before_import": "perhaps",
            });
            let problem = parse(object(body)).unwrap();
            let text = format!("{problem:?}");
            for place in [
                "/name",
                "/import_export_types/1",
                "/import_export_types/2",
                "/empty_database_before_import",
            ] {
                assert!(text.contains(&format!("{place:?}")), "{place} in {text}");
            }
            assert!(text.contains("nearest: Some(\"device\")"), "{text}");
        }
    }
}
