//! Every option has its effect in every place of a request.

use std::{io::Cursor, sync::LazyLock};

use satchel::{
    codec::workbook::{Cell, Format, WorkbookWriter},
    http::{CallOption, Need, Route},
};
use serde_json::Value;

use super::calls::{Call, changing, places, server, state};
use crate::harness::{Answer, Server};
use crate::project::{documents, of_kind, put_folder};

/// An option, the other options of the request, and a function that checks the effect in the
/// response.
struct Effect {
    value: &'static str,
    beside: &'static [(&'static str, &'static str)],
    body: &'static [u8],
    is_there: fn(&Answer) -> bool,
}

const TABLE: &[u8] = b"name,port\nnew,22\n";

/// A workbook with a sheet of devices, and none of links.
static DEVICES_ONLY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut writer = WorkbookWriter::new(Format::Xls, &std::env::temp_dir()).unwrap();
    writer.begin_sheet("device", ["name"]).unwrap();
    writer.row([Cell::from("new")]).unwrap();
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
});

/// A workbook with two sheets whose names are not kinds.
static TWO_SHEETS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut writer = WorkbookWriter::new(Format::Xlsx, &std::env::temp_dir()).unwrap();
    for sheet in ["Hinweise", "Geräte R 1%"] {
        writer.begin_sheet(sheet, ["name"]).unwrap();
        writer.row([Cell::from("new")]).unwrap();
    }
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
});

/// The effect of an option. An option without an entry here fails the test.
fn effect(operation: &str, option: &str) -> Effect {
    const DRY_PROJECT: &[(&str, &str)] =
        &[("name", "one"), ("import_export_types", "device"), ("dry_run", "true")];
    const DRY_TABLE: &[(&str, &str)] = &[("kind", "device"), ("dry_run", "true")];
    const DRY_RESTORE: &[(&str, &str)] = &[("backup", "b"), ("dry_run", "true")];
    let is_dry = |answer: &Answer| answer.json()["outcome"] == "dry_run";
    let of = |value, beside, is_there| Effect { value, beside, body: TABLE, is_there };
    match (operation, option) {
        ("undo", "dry_run") => of("true", &[], is_dry),
        ("undo", "change") => of("999999", &[("dry_run", "true")], |answer| answer.status == 404),
        ("undo", "on_conflict") => of("all", &[("dry_run", "true")], |answer| answer.status == 400),
        ("set_up", "code") => {
            of("x", &[("password", "Oslo Fjord 9"), ("again", "Oslo Fjord 9")], |answer| {
                answer.status == 403
            })
        }
        ("set_up", "password") => {
            of("Oslo Fjord 9", &[("code", "x"), ("again", "other")], |answer| answer.status == 422)
        }
        ("set_up", "again") => {
            of("Oslo Fjord 9", &[("code", "x"), ("password", "other")], |answer| {
                answer.status == 422
            })
        }
        ("make_token", "name") => of("é>b", &[("scope", "read")], |answer| {
            answer.json()["name"] == "é>b" || answer.status == 422
        }),
        ("make_token", "scope") => of("feeds", &[("name", "by scope")], |answer| {
            answer.json()["scope"] == "feeds" || answer.status == 422
        }),
        ("make_token", "expires_days") => {
            of("99999", &[("name", "a"), ("scope", "read")], |answer| answer.status == 400)
        }
        ("make_token", "from") => {
            of("nowhere", &[("name", "a"), ("scope", "read")], |answer| answer.status == 400)
        }
        ("export_project", "name") => of("made", &[("import_export_types", "device")], |answer| {
            answer.json()["project"] == "made"
        }),
        ("export_project", "import_export_types") => {
            of("link,device", &[("name", "p")], |answer| {
                answer.json()["types"].as_array().unwrap().len() == 2
            })
        }
        ("export_project", "export_private_properties") => {
            of("false", &[("name", "p"), ("import_export_types", "user")], |answer| {
                answer.json()["secrets"] == "left_out"
            })
        }
        ("import_project", "name") => {
            of("one", &DRY_PROJECT[1..], |answer| answer.json()["project"] == "one")
        }
        ("import_project", "import_export_types") => {
            of("device", &[("name", "one"), ("dry_run", "true")], |answer| {
                of_kind(&answer.json(), "device")["created"] == 1
            })
        }
        ("import_project", "empty_database_before_import") => {
            of("true", DRY_PROJECT, |answer| of_kind(&answer.json(), "device")["removed"] == 17)
        }
        ("import_project", "allow_empty") => of(
            "true",
            &[
                ("name", "nothing"),
                ("import_export_types", "task"),
                ("empty_database_before_import", "true"),
                ("dry_run", "true"),
            ],
            |answer| answer.status == 200 && of_kind(&answer.json(), "task")["removed"] == 2,
        ),
        ("import_project", "keep_absent_types") => of(
            "true",
            &[
                ("name", "one"),
                ("import_export_types", "device,task"),
                ("empty_database_before_import", "true"),
                ("dry_run", "true"),
            ],
            |answer| of_kind(&answer.json(), "task")["removed"] == 0,
        ),
        ("import_project", "dry_run") => of("true", &DRY_PROJECT[..2], is_dry),
        ("import_project", "on_error") => of(
            "skip",
            &[("name", "half"), ("import_export_types", "device"), ("dry_run", "true")],
            |answer| answer.status == 200,
        ),
        // The request is sent several times, and a backup is not replaced.
        ("create_backup", "name") => {
            of("made", &[], |answer| answer.status == 409 || answer.json()["backup"] == "made")
        }
        ("create_backup", "history") => {
            of("false", &[], |answer| answer.json()["manifest"]["history"] == false)
        }
        ("restore", "backup") => {
            of("b", &[("dry_run", "true")], |answer| answer.json()["backup"] == "b")
        }
        ("restore", "types") => of("device", DRY_RESTORE, |answer| {
            answer.json()["types"].as_array().unwrap().len() == 1
        }),
        ("restore", "name") => of("Lisbon core 1", DRY_RESTORE, |answer| {
            answer.status == 200 && of_kind(&answer.json(), "task")["unchanged"] == 0
        }),
        ("restore", "plan") => of("é", &DRY_RESTORE[..1], |answer| answer.status == 409),
        ("restore", "dry_run") => of("true", &DRY_RESTORE[..1], is_dry),
        ("export_topology", "name") => {
            of("made.xlsx", &[], |answer| answer.json()["workbook"] == "made.xlsx")
        }
        ("export_topology", "template") => {
            of("true", &[("name", "made.xlsx")], |answer| answer.json()["sheets"][0]["rows"] == 1)
        }
        ("import_topology", "replace") => {
            of("true", DRY_TABLE, |answer| of_kind(&answer.json(), "device")["removed"] == 17)
        }
        ("import_topology", "allow_empty") => Effect {
            body: b"name,port\n",
            ..of("true", &[("kind", "link"), ("dry_run", "true"), ("replace", "true")], |answer| {
                answer.status == 200 && of_kind(&answer.json(), "link")["removed"] == 21
            })
        },
        ("import_topology", "keep_absent_types") => Effect {
            body: &DEVICES_ONLY,
            ..of("true", &[("dry_run", "true"), ("replace", "true")], |answer| answer.status == 200)
        },
        ("import_topology", "dry_run") => of("true", &DRY_TABLE[..1], is_dry),
        ("import_topology", "on_error") => Effect {
            body: b"name,port\ngood,22\nbad,many\n",
            ..of("skip", DRY_TABLE, |answer| answer.status == 200)
        },
        // The first sheet has no rows, so only the second one can be selected.
        ("import_topology", "sheet") => Effect {
            body: &TWO_SHEETS,
            ..of("Geräte R 1%", DRY_TABLE, |answer| {
                answer.status == 200 && of_kind(&answer.json(), "device")["created"] == 1
            })
        },
        ("import_topology", "map") => Effect {
            body: "Gerät R 1%,port\nnew,22\n".as_bytes(),
            ..of("Gerät R 1%=name", DRY_TABLE, |answer| {
                answer.status == 200 && of_kind(&answer.json(), "device")["created"] == 1
            })
        },
        ("import_topology", "ignore") => of("port", DRY_TABLE, |answer| {
            answer.json()["ignored_columns"][0]["reason"] == "request"
        }),
        ("import_topology", "header_row") => Effect {
            body: b"name,port\nname,vendor\nnew,22\n",
            ..of("2", DRY_TABLE, |answer| {
                answer.status == 200 && of_kind(&answer.json(), "device")["created"] == 1
            })
        },
        ("import_topology", "kind") => of("device", &DRY_TABLE[1..], |answer| answer.status == 200),
        ("delete_instances", "dry_run") => Effect {
            body: br#"{"type": "device", "names": ["no such device"]}"#,
            ..of("true", &[], |answer| answer.json()["dry_run"] == true)
        },
        ("put_instances", "atomic") => Effect {
            body: br#"[{"name": "good"}, {"name": "a/b"}]"#,
            ..of("true", &[], |answer| answer.status == 422)
        },
        ("put_configuration" | "post_configuration", "property") => {
            of("operational_data", &[], |answer| answer.json()["property"] == "operational_data")
        }
        other => panic!("say what {other:?} does"),
    }
}

fn prepared() -> Server {
    let server = server();
    let half = "- {name: good}\n- {name: bad, port: many}\n";
    for (name, kind, text) in [
        ("one", "device", "- {name: R 1%}\n"),
        ("half", "device", half),
        ("nothing", "task", "[]\n"),
    ] {
        put_folder(&server, name, &documents(&[(kind, text)]));
    }
    server
}

fn options() -> impl Iterator<Item = (&'static Route, &'static CallOption)> {
    changing().into_iter().flat_map(|route| {
        let options = route.description.query.options().iter();
        options.filter(|option| option.need != Need::Ignored).map(move |option| (route, option))
    })
}

#[test]
fn every_option_may_be_in_the_query_the_json_or_the_form() {
    let server = prepared();
    for (route, option) in options() {
        let Effect { value, beside, body, is_there } =
            effect(route.description.operation, option.name);
        let before = state(&server);
        for place in places(route) {
            for name in option.names() {
                let mut sent = beside.to_vec();
                sent.push((name, value));
                let call = Call::new(&server, route).body(body);
                let answer = call.with(*place, &sent).send();
                let what = format!("{} {name} {place:?}", route.pattern);
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                assert!(is_there(&answer), "{what}: {} {text}", answer.status);
            }
        }
        let dry = option.name == "dry_run" || beside.contains(&("dry_run", "true"));
        assert!(!dry || state(&server) == before, "{} {}", route.pattern, option.name);
    }
}

/// The effects above do not occur without the options.
#[test]
fn an_option_that_is_not_sent_has_no_effect() {
    // A server that is set up refuses every set-up in the same way.
    let is_refused = |(route, option): &(&Route, &CallOption)| {
        route.description.operation == "set_up" && option.need == Need::Optional
    };
    for (route, option) in options().filter(|option| !is_refused(option)) {
        let Effect { beside, body, is_there, .. } =
            effect(route.description.operation, option.name);
        let server = prepared();
        for place in places(route).iter().take(1) {
            let call = Call::new(&server, route).body(body);
            let answer = call.with(*place, beside).send();
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let refused = answer.status == 400 || answer.status == 422;
            let is_there = match option.need {
                Need::Required => !refused,
                Need::Optional | Need::Ignored => is_there(&answer),
            };
            assert!(!is_there, "{} {}: {text}", route.pattern, option.name);
        }
    }
}

/// Known clients send these options. They have no effect.
#[test]
fn an_option_without_effect_is_accepted() {
    let server = prepared();
    for route in changing() {
        let ignored = route.description.query.options().iter();
        for option in ignored.filter(|option| option.need == Need::Ignored) {
            for place in places(route) {
                let beside: &[(&str, &str)] = match route.description.operation {
                    "export_topology" => &[("name", "w.xls")],
                    "import_topology" => &[("kind", "device"), ("dry_run", "true")],
                    "import_project" => {
                        &[("name", "one"), ("import_export_types", "device"), ("dry_run", "true")]
                    }
                    "export_project" => &[("name", "made"), ("import_export_types", "device")],
                    other => panic!("say what {other} needs"),
                };
                let mut sent = beside.to_vec();
                sent.push((option.name, super::calls::values(option)[0]));
                let answer = Call::new(&server, route).with(*place, &sent).send();
                let json: Value = answer.json();
                assert_eq!(answer.status, 200, "{} {place:?}: {json}", option.name);
            }
        }
    }
}
