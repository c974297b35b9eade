//! Values are formatted like in Python, in instances and in searches.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::Server;
use crate::inventory::{ask, encode, get, names, path, put, queried, shown};

/// The table of the unit test of `model::python` equals the output of Python.
#[test]
fn the_table_of_number_formats_equals_pythons_output() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let python = Command::new("python3").arg(folder.join("spellings.py")).output();
    let Ok(output) = python else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no python3");
        println!("skipped: no python3");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = std::fs::read(folder.join("spellings.json")).unwrap();
    assert!(output.stdout == table, "run tests/python/spellings.py > tests/python/spellings.json");
}

/// The names of the devices whose `property` compares with `text` in a search.
fn found(server: &Server, property: &str, filter: &str, text: &str) -> Vec<String> {
    let filter_key = format!("{property}_filter");
    let body = json!({
        "type": "device",
        "columns": ["name"],
        "search_criteria": {property: text, filter_key: filter},
    });
    let answer = ask(server, "POST", "/rest/search").json(&body).send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    names(&answer.json())
}

#[test]
fn a_number_in_a_text_property_is_formatted_like_python() {
    let server = Server::start();
    for (number, text) in [
        (json!(1e-05), "1e-05"),
        (json!(1e16), "1e+16"),
        (json!(1e15), "1000000000000000.0"),
        (json!(0.1), "0.1"),
        (json!(22), "22"),
    ] {
        put(&server, "device", &json!({"name": "R 1%", "description": number}));
        let instance = get(&server, &path("device", "R 1%"));
        assert_eq!(instance["description"], text);
        assert_eq!(found(&server, "description", "equality", text), ["R 1%"]);
    }
}

#[test]
fn a_custom_property_is_searched_by_the_python_form_of_its_value() {
    let server = Server::start();
    for (value, spelling, part) in [
        (json!(1e16), "1e+16", "E+1"),
        (json!(1e-05), "1e-05", "E-05"),
        (json!(1.0), "1.0", "1.0"),
        (json!(-7), "-7", "7"),
        (json!(true), "True", "RU"),
        (json!("it's"), "it's", "T'S"),
        (json!([1, "2", null]), "[1, '2', None]", "'2', none"),
        (json!({"a": "c", "b": [1.5, true]}), "{'a': 'c', 'b': [1.5, True]}", "'B': [1.5"),
    ] {
        put(&server, "device", &json!({"name": "R 1%", "weight": value}));
        assert_eq!(get(&server, &path("device", "R 1%"))["weight"], value);
        assert_eq!(found(&server, "weight", "equality", spelling), ["R 1%"], "{spelling}");
        assert_eq!(found(&server, "weight", "inclusion", part), ["R 1%"], "{part}");
    }
    put(&server, "device", &json!({"name": "R 1%", "weight": 1e16}));
    assert_eq!(queried(&server, "device", &format!("weight={}", encode("1e+16"))), ["R 1%"]);
    assert_eq!(found(&server, "weight", "equality", "1e16"), [""; 0]);
}

#[test]
fn a_pool_compares_values_like_python() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%", "weight": [1e16], "tags": []}));
    for (criteria, members) in [
        (json!({"device_weight": "[1E+16]"}), 1),
        (json!({"device_weight": "[1e+16]", "device_weight_match": "equality"}), 1),
        (json!({"device_weight": "1e16"}), 0),
        (json!({"device_tags": "", "device_tags_match": "empty"}), 1),
        (json!({"device_weight": "", "device_weight_match": "empty"}), 0),
    ] {
        let mut pool = criteria;
        pool["name"] = Value::from("p");
        ask(&server, "DELETE", &path("pool", "p")).send();
        put(&server, "pool", &pool);
        let devices = &get(&server, &path("pool", "p"))["devices"];
        assert_eq!(devices.as_array().unwrap().len(), members, "{pool}");
    }
}
