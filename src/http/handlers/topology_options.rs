//! What `topology/export` and `topology/import` are asked for, from their options.

use serde_json::Value;

use super::migration_options::{empty_replacement, mode, on_error};
use crate::http::options::{KEEP_ABSENT, Options, REPLACE, TABLE, WORKBOOK_NAME};
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, sentence_of, shorten};
use crate::topology::{ExportRequest, ImportRequest, NameError, Replace};

/// Said where `replace` is not there, as in the manual's own example: Python's `requests` sends no
/// `json=` when it sends files.
const NO_REPLACE: &str = "The field “replace” is missing, so nothing was emptied before the \
                          import. Send it as a field of the form (in Python: post(url, \
                          files={'file': f}, data={'replace': True})): requests leaves json= out \
                          where files= is given.";

/// An export, as its options ask for it.
///
/// # Errors
/// 422 for an ending that is no format, which a name that is right otherwise may have.
pub(super) fn export_request(options: &Options) -> Result<ExportRequest, Problem> {
    let text = options.text(&WORKBOOK_NAME).unwrap_or_default();
    match text.parse() {
        Ok(name) => Ok(ExportRequest { name }),
        Err(error @ NameError::Ending(_)) => Err(ending_refused(text, &error)),
        // Every other name was refused when the options were checked.
        Err(error) => Err(Problem::internal(&error)),
    }
}

fn ending_refused(value: &str, error: &NameError) -> Problem {
    let place = Place::Pointer(format!("/{}", WORKBOOK_NAME.name));
    let detail = sentence_of(&error.to_string());
    let value = Some(Value::from(shorten(value)));
    let flaw = Flaw { value, code: Some("ending"), ..Flaw::new(place, &*detail) };
    Problem::new(ProblemKind::WorkbookLimit, detail).with_flaw(flaw)
}

/// An import, as its options ask for it, and warnings.
pub(super) fn import_request(
    options: &Options,
    file_name: Option<String>,
) -> (ImportRequest, Vec<String>) {
    let request = ImportRequest {
        file_name,
        table: options.text(&TABLE).and_then(|word| word.parse().ok()),
        replace: match (options.is_on(&REPLACE), options.is_on(&KEEP_ABSENT)) {
            (false, _) => Replace::No,
            (true, false) => Replace::Yes,
            (true, true) => Replace::WithSheet,
        },
        empty_replacement: empty_replacement(options),
        on_error: on_error(options),
        mode: mode(options),
    };
    let mut warnings = Vec::new();
    if !options.has(&REPLACE) {
        warnings.push(NO_REPLACE.to_owned());
    }
    (request, warnings)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::http::options::Given;
    use crate::http::query_string::Query;
    use crate::http::route::QueryRule;
    use crate::http::routes::options_of;
    use crate::import::{EmptyReplacement, Mode, OnError};
    use crate::model::Kind;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other} is no object"),
        }
    }

    fn query(text: &str) -> Query {
        Query::parse(Some(text), QueryRule::Any { about: "" }).unwrap()
    }

    fn form(fields: &[(&str, &str)]) -> Given {
        let mut given = Given::default();
        for (name, value) in fields {
            given.add_field((*name).to_owned(), (*value).into());
        }
        given
    }

    fn parse_export(body: Value) -> Result<ExportRequest, Problem> {
        let mut given = Given::default();
        given.add_object(object(body));
        export_request(&given.check(options_of("export_topology"))?)
    }

    fn parse_import(given: Given) -> Result<(ImportRequest, Vec<String>), Problem> {
        Ok(import_request(&given.check(options_of("import_topology"))?, None))
    }

    fn parse(given: Given) -> (ImportRequest, Vec<String>) {
        parse_import(given).unwrap()
    }

    #[test]
    fn both_names_of_an_export_are_read() {
        for body in [json!({"name": "a b.xls"}), json!({"export_filename": "a b"})] {
            assert_eq!(parse_export(body).unwrap().name.as_str(), "a b.xls");
        }
        for wrong in [
            json!({}),
            json!({"name": 7}),
            json!({"name": "../a"}),
            json!({"name": ""}),
            json!({"name": "a", "replace": true}),
        ] {
            let problem = parse_export(wrong).unwrap_err();
            assert!(format!("{problem:?}").contains("MalformedBody"), "{problem:?}");
        }
        let problem = parse_export(json!({"name": "a.csv"})).unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("WorkbookLimit") && text.contains("/name"), "{text}");
    }

    #[test]
    fn what_is_not_said_is_no_and_no_replace_is_told() {
        let (request, warnings) = parse(Given::default());
        assert_eq!(request.replace, Replace::No);
        assert_eq!(request.empty_replacement, EmptyReplacement::Refused);
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
            assert!(parse_import(form(&[("replace", word)])).is_err(), "{word}");
        }
    }

    #[test]
    fn the_words_may_stand_anywhere_and_must_not_differ() {
        let mut given = form(&[("replace", "True"), ("on_error", "skip")]);
        given.add_query(query("replace&dry_run=1&kind=link&allow_empty"));
        given.add_object(object(json!({"replace": true, "kind": "link"})));
        let (request, warnings) = parse(given);
        assert_eq!(request.replace, Replace::Yes);
        assert_eq!(request.empty_replacement, EmptyReplacement::Allowed);
        assert_eq!((request.on_error, request.mode), (OnError::Skip, Mode::DryRun));
        assert_eq!(request.table, Some(Kind::Link));
        assert!(warnings.is_empty(), "{warnings:?}");

        let mut given = form(&[("replace", "True")]);
        given.add_query(query("replace=false"));
        let problem = parse_import(given).unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("“replace” mean the same and differ"), "{text}");
    }

    #[test]
    fn a_field_that_stands_twice_is_refused_whatever_it_says() {
        for (first, second) in [("1", "0"), ("1", "1"), ("1", "true")] {
            let problem = parse_import(form(&[("replace", first), ("replace", second)]));
            let text = format!("{:?}", problem.unwrap_err());
            assert!(text.contains("stands more than once"), "{text}");
        }
        assert!(parse_import(form(&[("on_error", "fail"), ("on_error", "skip")])).is_err());
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let wrong = [
            ("replace", "?"),
            ("dry_run", "?"),
            ("on_error", "stop"),
            ("kind", "devise"),
            ("repalce", "1"),
        ];
        let problem = parse_import(form(&wrong)).unwrap_err();
        let text = format!("{problem:?}");
        for (name, _) in wrong {
            assert!(text.contains(&format!("FormField({name:?})")), "{name} in {text}");
        }
        for near in ["device", "replace"] {
            assert!(text.contains(&format!("nearest: Some({near:?})")), "{near} in {text}");
        }
    }
}
