//! What `topology/export` and `topology/import` are asked for.

use serde_json::{Map, Value};

use crate::http::members::{Flaws, Members, found};
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, sentence_of, shorten};
use crate::import::{Mode, OnError};
use crate::model::Kind;
use crate::topology::{ExportRequest, ImportRequest, NameError, Replace, WorkbookName};

/// The manual says `name`; eNMS's own form sends `export_filename`.
const NAME: [&str; 2] = ["name", "export_filename"];

const REPLACE: &str = "replace";
const KEEP_ABSENT: &str = "keep_absent_types";
const DRY_RUN: &str = "dry_run";
const ON_ERROR: &str = "on_error";
const KIND: &str = "kind";

/// The words of an import, wherever they stand.
pub(super) const IMPORT_WORDS: [&str; 5] = [REPLACE, KEEP_ABSENT, DRY_RUN, ON_ERROR, KIND];

/// The kinds that a table can be of; a workbook's sheets say it themselves.
const TABLES: [&str; 2] = [Kind::Device.as_str(), Kind::Link.as_str()];

/// Said where `replace` is not there, as in the manual's own example: Python's `requests` sends no
/// `json=` when it sends files.
const NO_REPLACE: &str = "The field “replace” is missing, so nothing was emptied before the \
                          import. Send it as a field of the form (in Python: post(url, \
                          files={'file': f}, data={'replace': True})): requests leaves json= out \
                          where files= is given.";

/// What an export is asked for, and warnings.
///
/// # Errors
/// 422 for an ending that is no format, which a member that is right otherwise may have; 400 for
/// everything else.
pub(super) fn parse_export(
    object: Map<String, Value>,
) -> Result<(ExportRequest, Vec<String>), Problem> {
    let mut members = Members::new(object);
    let mut unwritable = None;
    let name = members.required(&NAME, |flaws, value| workbook_name(flaws, value, &mut unwritable));
    if let Some((place, value, error)) = unwritable {
        return Err(ending_refused(place, &value, &error));
    }
    let request = name.map(|name| ExportRequest { name });
    members.finish(request)
}

fn workbook_name(
    flaws: &mut Flaws<'_>,
    value: &Value,
    unwritable: &mut Option<(Place, String, NameError)>,
) -> Option<WorkbookName> {
    let Value::String(text) = value else {
        flaws.wrong(value, &format!("{}; a workbook's name is expected", found(value)));
        return None;
    };
    match text.parse() {
        Ok(name) => Some(name),
        Err(error @ NameError::Ending(_)) => {
            *unwritable = Some((flaws.place().clone(), text.clone(), error));
            None
        }
        Err(
            error @ (NameError::Empty
            | NameError::Long { .. }
            | NameError::Dot
            | NameError::Character { .. }),
        ) => {
            flaws.wrong(value, &format!("is “{}”; {error}", shorten(text)));
            None
        }
    }
}

fn ending_refused(place: Place, value: &str, error: &NameError) -> Problem {
    let detail = sentence_of(&error.to_string());
    let value = Some(Value::from(shorten(value)));
    let flaw = Flaw { value, code: Some("ending"), ..Flaw::new(place, &*detail) };
    Problem::new(ProblemKind::WorkbookLimit, detail).with_flaw(flaw)
}

/// What an import is asked for, and warnings.
pub(super) fn parse_import(
    mut members: Members,
    file_name: Option<String>,
) -> Result<(ImportRequest, Vec<String>), Problem> {
    let says_replace = members.has(&[REPLACE]);
    let replace = members.switch(REPLACE, Replace::No, Replace::No, Replace::Yes);
    let keep_absent = members.switch(KEEP_ABSENT, false, false, true);
    let mode = members.switch(DRY_RUN, Mode::Apply, Mode::Apply, Mode::DryRun);
    let on_error = members.choice(ON_ERROR, &[("fail", OnError::Fail), ("skip", OnError::Skip)]);
    let table = members.optional(&[KIND], table);
    let request = (|| {
        let replace = match (replace?, keep_absent?) {
            (Replace::Yes, true) => Replace::WithSheet,
            (replace, _) => replace,
        };
        Some(ImportRequest { file_name, table: table?, replace, on_error: on_error?, mode: mode? })
    })();
    let (request, mut warnings) = members.finish(request)?;
    if !says_replace {
        warnings.insert(0, NO_REPLACE.to_owned());
    }
    Ok((request, warnings))
}

fn table(flaws: &mut Flaws<'_>, value: Option<&Value>) -> Option<Option<Kind>> {
    match value {
        None => Some(None),
        Some(Value::String(word)) => match word.parse() {
            Ok(kind @ (Kind::Device | Kind::Link)) => Some(Some(kind)),
            Ok(_) | Err(_) => {
                flaws.unknown_word(word, &TABLES);
                None
            }
        },
        Some(other) => {
            flaws.wrong(other, &format!("{}; “device” or “link” is expected", found(other)));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::query_string::Query;
    use crate::http::route::QueryRule;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other} is no object"),
        }
    }

    fn query(text: &str) -> Query {
        Query::parse(Some(text), QueryRule::Any { about: "" }).unwrap()
    }

    fn form(fields: &[(&str, &str)]) -> Members {
        let mut members = Members::default();
        for (name, value) in fields {
            members.add_field((*name).to_owned(), (*value).into());
        }
        members
    }

    fn parse(members: Members) -> (ImportRequest, Vec<String>) {
        parse_import(members, None).unwrap()
    }

    #[test]
    fn both_names_of_an_export_are_read() {
        for body in [json!({"name": "a b.xls"}), json!({"export_filename": "a b"})] {
            let (request, warnings) = parse_export(object(body)).unwrap();
            assert_eq!(request.name.as_str(), "a b.xls");
            assert!(warnings.is_empty());
        }
        let (_, warnings) = parse_export(object(json!({"name": "a", "replace": true}))).unwrap();
        assert_eq!(warnings, ["The member “replace” is not known and was ignored."]);
        for wrong in [json!({}), json!({"name": 7}), json!({"name": "../a"}), json!({"name": ""})] {
            let problem = parse_export(object(wrong)).unwrap_err();
            assert!(format!("{problem:?}").contains("MalformedBody"), "{problem:?}");
        }
        let problem = parse_export(object(json!({"name": "a.csv"}))).unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("WorkbookLimit") && text.contains("/name"), "{text}");
    }

    #[test]
    fn what_is_not_said_is_no_and_no_replace_is_told() {
        let (request, warnings) = parse(Members::default());
        assert_eq!(request.replace, Replace::No);
        assert_eq!((request.on_error, request.mode), (OnError::Fail, Mode::Apply));
        assert_eq!(request.table, None);
        assert_eq!(warnings, [NO_REPLACE]);
        assert!(warnings[0].contains("data={'replace': True}"));
        assert!(parse(form(&[("replace", "False")])).1.is_empty());
    }

    #[test]
    fn a_form_spells_booleans_as_programs_do() {
        for word in ["true", "True", "1", "on"] {
            assert_eq!(parse(form(&[("replace", word)])).0.replace, Replace::Yes, "{word}");
        }
        for word in ["false", "False", "0", "off"] {
            assert_eq!(parse(form(&[("replace", word)])).0.replace, Replace::No, "{word}");
        }
        for word in ["", "yes", "TRUE!", "2", "None"] {
            assert!(parse_import(form(&[("replace", word)]), None).is_err(), "{word}");
        }
    }

    #[test]
    fn the_words_may_stand_anywhere_and_must_not_differ() {
        let mut members = form(&[("replace", "True"), ("on_error", "skip")]);
        members.add_query(query("replace&dry_run=1&kind=link&keep_absent_types=false"));
        members.add_object(object(json!({"replace": true, "kind": "link"})));
        let (request, warnings) = parse(members);
        assert_eq!(request.replace, Replace::Yes);
        assert_eq!((request.on_error, request.mode), (OnError::Skip, Mode::DryRun));
        assert_eq!(request.table, Some(Kind::Link));
        assert!(warnings.is_empty(), "{warnings:?}");

        let members = form(&[("replace", "True"), ("keep_absent_types", "True")]);
        assert_eq!(parse(members).0.replace, Replace::WithSheet);
        let members = form(&[("replace", "False"), ("keep_absent_types", "True")]);
        assert_eq!(parse(members).0.replace, Replace::No);

        let mut members = form(&[("replace", "True")]);
        members.add_query(query("replace=false"));
        let problem = parse_import(members, None).unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("“replace” mean the same and differ"), "{text}");
        assert!(parse_import(form(&[("replace", "1"), ("replace", "0")]), None).is_err());
        assert!(parse_import(form(&[("on_error", "fail"), ("on_error", "skip")]), None).is_err());
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let wrong = [("replace", "?"), ("dry_run", "?"), ("on_error", "stop"), ("kind", "devise")];
        let problem = parse_import(form(&wrong), None).unwrap_err();
        let text = format!("{problem:?}");
        for (name, _) in wrong {
            assert!(text.contains(&format!("FormField({name:?})")), "{name} in {text}");
        }
        assert!(text.contains("nearest: Some(\"device\")"), "{text}");
        let (_, warnings) = parse(form(&[("replace", "0"), ("repalce", "1")]));
        assert_eq!(
            warnings,
            ["The field “repalce” is not known and was ignored. Was “replace” meant?"]
        );
    }
}
