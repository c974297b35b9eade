//! The requests of `topology/export` and `topology/import`, from the options of their calls.

use serde_json::Value;

use super::migration_options::{empty_replacement, mode, on_error};
use crate::{
    http::{
        options::{
            HEADER_ROW, IGNORE, KEEP_ABSENT, MAP, Options, REPLACE, ROW_KIND, SHEET, TEMPLATE,
            WORKBOOK_NAME,
        },
        problem::{Flaw, Problem, ProblemKind, RequestLocation, sentence_of, shorten},
    },
    topology::{
        ExportContent, ExportRequest, ImportRequest, Mapping, NameError, ReadOptions, Replace,
    },
};

/// The warning about a missing `replace`. The example in the manual of eNMS sends none: Python's
/// `requests` drops `json=` if it sends files.
const NO_REPLACE: &str = "The form field “replace” is missing, so no records were deleted \
                          before the import. Send it as a field of the form (in Python: \
                          post(url, files={'file': f}, data={'replace': True})): requests \
                          ignores json= if files= is given.";

/// Returns the request of an export.
///
/// # Errors
/// 422 for a name whose extension is not a workbook format.
pub(super) fn export_request(options: &Options) -> Result<ExportRequest, Problem> {
    let text = options.text(&WORKBOOK_NAME).unwrap_or_default();
    let content =
        if options.is_on(&TEMPLATE) { ExportContent::Template } else { ExportContent::Records };
    match text.parse() {
        Ok(name) => Ok(ExportRequest { name, content }),
        Err(error @ NameError::Ending(_)) => Err(unknown_extension(text, &error)),
        // The check of the options refuses every other invalid name.
        Err(error) => Err(Problem::internal(&error)),
    }
}

/// Returns the problem of a name whose extension is not a workbook format.
fn unknown_extension(value: &str, error: &NameError) -> Problem {
    let location = RequestLocation::Pointer(format!("/{}", WORKBOOK_NAME.name));
    let detail = sentence_of(&error.to_string());
    let value = Some(Value::from(shorten(value)));
    let flaw = Flaw { value, code: Some("ending"), ..Flaw::new(location, &*detail) };
    Problem::new(ProblemKind::WorkbookLimit, detail).with_flaw(flaw)
}

/// Returns the request of an import, and warnings about it.
///
/// # Errors
/// 400 if the mapping and the ignored headings have too many headings together.
pub(super) fn import_request(
    options: &Options,
    file_name: Option<String>,
) -> Result<(ImportRequest, Vec<String>), Problem> {
    let mapping = options.mapping(&MAP).cloned().unwrap_or(Mapping::EMPTY);
    let ignored = options.mapping(&IGNORE).cloned().unwrap_or(Mapping::EMPTY);
    let mapping = mapping.with(ignored).map_err(|error| {
        let location = RequestLocation::Pointer(format!("/{}", MAP.name));
        let detail = sentence_of(&error.to_string());
        Problem::new(ProblemKind::MalformedBody, &*detail).with_flaw(Flaw::new(location, detail))
    })?;
    let request = ImportRequest {
        file_name,
        reading: ReadOptions {
            sheet: options.text(&SHEET).map(str::to_owned),
            kind: options.text(&ROW_KIND).and_then(|word| word.parse().ok()),
            header_row: options.whole(&HEADER_ROW).and_then(|row| row.try_into().ok()),
            mapping,
        },
        replace: if !options.is_on(&REPLACE) {
            Replace::No
        } else if options.is_on(&KEEP_ABSENT) {
            Replace::WithSheet
        } else {
            Replace::Yes
        },
        empty_replacement: empty_replacement(options),
        on_error: on_error(options),
        mode: mode(options),
    };
    let mut warnings = Vec::new();
    if !options.has(&REPLACE) {
        warnings.push(NO_REPLACE.to_owned());
    }
    Ok((request, warnings))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::{
        http::{
            description::QueryRule, options::SentOptions, query_string::Query, routes::options_of,
        },
        import::{EmptyReplacement, Mode, OnError},
        model::Kind,
    };

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other} is not an object"),
        }
    }

    fn query(text: &str) -> Query {
        Query::parse(Some(text), QueryRule::Any { about: "" }).unwrap()
    }

    fn form(fields: &[(&str, &str)]) -> SentOptions {
        let mut sent = SentOptions::default();
        for (name, value) in fields {
            sent.add_field((*name).to_owned(), (*value).into());
        }
        sent
    }

    fn parse_export(body: Value) -> Result<ExportRequest, Problem> {
        let mut sent = SentOptions::default();
        sent.add_object(object(body));
        export_request(&sent.check(options_of("export_topology"))?)
    }

    fn parse_import(sent: SentOptions) -> Result<(ImportRequest, Vec<String>), Problem> {
        import_request(&sent.check(options_of("import_topology"))?, None)
    }

    fn parse(sent: SentOptions) -> (ImportRequest, Vec<String>) {
        parse_import(sent).unwrap()
    }

    #[test]
    fn an_export_accepts_two_option_names_for_its_name() {
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
            assert!(problem.is(ProblemKind::MalformedBody), "{problem:?}");
        }
        let problem = parse_export(json!({"name": "a.csv"})).unwrap_err();
        assert!(problem.is(ProblemKind::WorkbookLimit), "{problem:?}");
        assert_eq!(problem.flaws()[0].location, RequestLocation::Pointer("/name".to_owned()));
    }

    #[test]
    fn missing_options_are_off_and_a_missing_replace_is_a_warning() {
        let (request, warnings) = parse(SentOptions::default());
        assert_eq!(request.replace, Replace::No);
        assert_eq!(request.empty_replacement, EmptyReplacement::Refused);
        assert_eq!((request.on_error, request.mode), (OnError::Fail, Mode::Apply));
        assert_eq!(request.reading.kind, None);
        assert_eq!(warnings, [NO_REPLACE]);
        assert!(warnings[0].contains("data={'replace': True}"));
        assert!(parse(form(&[("replace", "False")])).1.is_empty());
    }

    #[test]
    fn a_form_accepts_several_texts_for_a_boolean() {
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
    fn options_are_accepted_in_query_and_body_and_must_not_contradict() {
        let mut sent = form(&[("replace", "True"), ("on_error", "skip")]);
        sent.add_query(query("replace&dry_run=1&kind=link&allow_empty"));
        sent.add_object(object(json!({"replace": true, "kind": "link"})));
        let (request, warnings) = parse(sent);
        assert_eq!(request.replace, Replace::Yes);
        assert_eq!(request.empty_replacement, EmptyReplacement::Allowed);
        assert_eq!((request.on_error, request.mode), (OnError::Skip, Mode::DryRun));
        assert_eq!(request.reading.kind, Some(Kind::Link));
        assert!(warnings.is_empty(), "{warnings:?}");

        let mut sent = form(&[("replace", "True")]);
        sent.add_query(query("replace=false"));
        let problem = parse_import(sent).unwrap_err();
        assert!(
            problem.detail().contains("“replace” are the same option, but their values differ"),
            "{problem:?}"
        );
    }

    #[test]
    fn a_duplicate_field_is_refused_whatever_its_value() {
        for (first, second) in [("1", "0"), ("1", "1"), ("1", "true")] {
            let problem = parse_import(form(&[("replace", first), ("replace", second)]));
            let problem = problem.unwrap_err();
            assert!(problem.detail().contains("occurs more than once"), "{problem:?}");
        }
        assert!(parse_import(form(&[("on_error", "fail"), ("on_error", "skip")])).is_err());
    }

    #[test]
    fn all_flaws_are_reported_at_once() {
        let wrong = [
            ("replace", "?"),
            ("dry_run", "?"),
            ("on_error", "stop"),
            ("kind", "devise"),
            ("repalce", "1"),
        ];
        let problem = parse_import(form(&wrong)).unwrap_err();
        for (name, _) in wrong {
            let location = RequestLocation::FormField(name.to_owned());
            assert!(problem.flaws().iter().any(|flaw| flaw.location == location), "{name}");
        }
        for near in ["device", "replace"] {
            let is_near = |flaw: &&Flaw| flaw.nearest.as_deref() == Some(near);
            assert!(problem.flaws().iter().any(is_near), "{near}");
        }
    }
}
