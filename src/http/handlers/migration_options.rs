//! The requests of `migrate/export` and `migrate/import`, from the options of their calls.

use crate::{
    http::{
        options::{
            ALLOW_EMPTY, DRY_RUN, EMPTY_FIRST, KEEP_ABSENT, ON_ERROR, Options, PROJECT_NAME,
            SECRETS, SKIP, TYPES,
        },
        problem::Problem,
    },
    import::{EmptyReplacement, Mode, OnError},
    migration::{EmptyFirst, ExportRequest, ImportRequest, ProjectName},
    model::Secrets,
};

/// Returns the request of an export.
///
/// # Errors
/// 500 if the options were not checked: a bug.
pub(super) fn export_request(options: &Options) -> Result<ExportRequest, Problem> {
    let secrets = match options.switch(&SECRETS) {
        Some(false) => Secrets::LeftOut,
        Some(true) | None => Secrets::Included,
    };
    let kinds = options.kinds(&TYPES).to_vec();
    Ok(ExportRequest { name: project_name(options)?, kinds, secrets })
}

/// Returns the request of an import.
///
/// # Errors
/// 500 if the options were not checked: a bug.
pub(super) fn import_request(options: &Options) -> Result<ImportRequest, Problem> {
    Ok(ImportRequest {
        name: project_name(options)?,
        kinds: options.kinds(&TYPES).to_vec(),
        empty: if !options.is_on(&EMPTY_FIRST) {
            EmptyFirst::No
        } else if options.is_on(&KEEP_ABSENT) {
            EmptyFirst::WithDocument
        } else {
            EmptyFirst::Yes
        },
        empty_replacement: empty_replacement(options),
        on_error: on_error(options),
        mode: mode(options),
    })
}

/// Returns the name of the project, which the check of the options has parsed before.
fn project_name(options: &Options) -> Result<ProjectName, Problem> {
    let text = options.text(&PROJECT_NAME).unwrap_or_default();
    text.parse().map_err(|error| Problem::internal(&error))
}

/// Returns whether an import accepts a replacement without valid records.
pub(super) fn empty_replacement(options: &Options) -> EmptyReplacement {
    if options.is_on(&ALLOW_EMPTY) { EmptyReplacement::Allowed } else { EmptyReplacement::Refused }
}

/// Returns whether an import imports the valid records beside rejected ones.
pub(super) fn on_error(options: &Options) -> OnError {
    if options.text(&ON_ERROR) == Some(SKIP) { OnError::Skip } else { OnError::Fail }
}

/// Returns whether an import is applied or a dry run.
pub(super) fn mode(options: &Options) -> Mode {
    if options.is_on(&DRY_RUN) { Mode::DryRun } else { Mode::Apply }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        http::{
            options::SentOptions,
            problem::{Flaw, RequestLocation},
            routes::options_of,
        },
        model::Kind,
    };

    fn checked(operation: &str, body: Value) -> Result<Options, Problem> {
        let Value::Object(object) = body else { panic!("{body} is not an object") };
        let mut sent = SentOptions::default();
        sent.add_object(object);
        sent.check(options_of(operation))
    }

    fn parse_import(body: Value) -> Result<ImportRequest, Problem> {
        import_request(&checked("import_project", body)?)
    }

    fn parse_export(body: Value) -> Result<ExportRequest, Problem> {
        export_request(&checked("export_project", body)?)
    }

    #[test]
    fn the_example_of_the_manual_is_accepted() {
        let body = json!({
            "name": "Backup",
            "empty_database_before_import": false,
            "import_export_types": ["user", "group", "device", "user"],
        });
        let import = parse_import(body.clone()).unwrap();
        assert_eq!(import.name.as_str(), "Backup");
        assert_eq!(import.kinds, [Kind::User, Kind::Group, Kind::Device]);
        assert_eq!(import.empty, EmptyFirst::No);
        assert_eq!(import.empty_replacement, EmptyReplacement::Refused);
        assert_eq!((import.on_error, import.mode), (OnError::Fail, Mode::Apply));
        let export = parse_export(body).unwrap();
        assert_eq!(export.secrets, Secrets::Included);
    }

    #[test]
    fn options_that_enms_sends_beyond_its_manual_are_accepted() {
        let common = json!({
            "export_filename": "a b",
            "import_export_types": ["workflow_edge"],
            "empty_database_before_import": "True",
            "export_private_properties": "False",
            "skip_pool_update": true,
            "form_type": "database_migration",
        });
        let export = parse_export(common.clone()).unwrap();
        assert_eq!(export.secrets, Secrets::LeftOut);
        let mut body = common;
        body["dry_run"] = "true".into();
        body["on_error"] = "skip".into();
        body["allow_empty"] = "True".into();
        let import = parse_import(body).unwrap();
        assert_eq!(import.empty, EmptyFirst::Yes);
        assert_eq!(import.empty_replacement, EmptyReplacement::Allowed);
        assert_eq!((import.on_error, import.mode), (OnError::Skip, Mode::DryRun));
    }

    #[test]
    fn absent_types_are_kept_if_asked_for() {
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
            assert_eq!(parse_import(body).unwrap().empty, expected);
        }
    }

    #[test]
    fn an_unknown_member_is_refused_with_the_nearest() {
        let body = json!({"name": "a", "import_export_types": ["user"], "dry_rnu": true});
        let problem = parse_import(body).unwrap_err();
        assert_eq!(problem.flaws()[0].nearest.as_deref(), Some("dry_run"));
        // An export has no dry run, and must not write if one is asked for.
        let body = json!({"name": "a", "import_export_types": ["user"], "dry_run": true});
        assert!(parse_export(body).is_err());
    }

    #[test]
    fn two_names_must_not_contradict() {
        let body =
            |other| json!({"name": "a", "export_filename": other, "import_export_types": ["user"]});
        assert!(parse_export(body("a")).is_ok());
        assert!(parse_export(body("b")).is_err());
    }

    #[test]
    fn all_flaws_are_reported_at_once() {
        for parse in [|body| parse_import(body).err(), |body| parse_export(body).err()] {
            let body = json!({
                "name": "../x",
                "import_export_types": ["user", "devise", 7],
                "empty_database_before_import": "perhaps",
            });
            let problem = parse(body).unwrap();
            for pointer in [
                "/name",
                "/import_export_types/1",
                "/import_export_types/2",
                "/empty_database_before_import",
            ] {
                let location = RequestLocation::Pointer(pointer.to_owned());
                assert!(problem.flaws().iter().any(|flaw| flaw.location == location), "{pointer}");
            }
            let is_near = |flaw: &&Flaw| flaw.nearest.as_deref() == Some("device");
            assert!(problem.flaws().iter().any(is_near), "{problem:?}");
        }
    }
}
