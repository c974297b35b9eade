//! Compares single texts with recorded results of PyYAML: `semantics.json` has pairs of a text after
//! `- ` and what `yaml.SafeLoader` (with tuples) reads, as the function `shown` below formats it.

use super::super::number::float_text;
use super::super::{Rule, read_value};
use super::{read, read_generally, refusal, values};
use crate::model::{Map, Shared, Value};

/// The intended differences from PyYAML.
const DIFFERENT: [(&str, &str); 6] = [
    // PyYAML's constructor knows no value for the tag that its resolver gives; the text is meant.
    ("=", r#"["="]"#),
    // Only a key merges.
    ("<<", r#"["<<"]"#),
    // Keys that Python takes for the same are refused rather than lost.
    ("{a: 1, a: 2}", "error"),
    ("{1: a, true: b}", "error"),
    ("{1: a, 1.0: b}", "error"),
    // Not among the types that a property can hold.
    ("!!omap []", "error"),
];

fn shown(value: &Value) -> String {
    let all = |items: &[Value]| items.iter().map(shown).collect::<Vec<_>>().join(", ");
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::BigInt(text) => text.clone(),
        Value::Float(value) => float_text(*value),
        Value::Text(text) => serde_json::to_string(text).unwrap(),
        Value::Timestamp(text) => format!("@{text}"),
        Value::Binary(bytes) => {
            let hexadecimal: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("b{}", hexadecimal.concat())
        }
        Value::List(items) => format!("[{}]", all(items)),
        Value::Tuple(items) => format!("({})", all(items)),
        Value::Map(map) => {
            let entries = map.iter().map(|(k, v)| format!("{}: {}", shown(k), shown(v)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Shared(shared) => shown(&shared.value),
    }
}

#[test]
fn every_text_is_read_as_pyyaml_reads_it() {
    let table: Vec<(String, String)> =
        serde_json::from_str(include_str!("semantics.json")).unwrap();
    assert!(table.len() > 200);
    let mut differing = Vec::new();
    for (text, expected) in table {
        let meant = DIFFERENT.iter().find(|(other, _)| *other == text);
        let expected = meant.map_or(expected, |(_, found)| (*found).to_owned());
        let document = format!("- {text}\n");
        let found = match read_value(document.as_bytes()) {
            Ok(value) => shown(&value),
            Err(_) => "error".to_owned(),
        };
        if found != expected {
            differing.push(format!("{text:?}: {found} instead of {expected}"));
        }
        let records = read_generally(document.as_bytes());
        match &records {
            Ok(items) if found != "error" => {
                let records = Value::List(values(items.clone()));
                assert_eq!(shown(&records), found, "{text:?} as a record");
            }
            Ok(_) => panic!("{text:?} is read as records"),
            Err(error) => assert_eq!(found, "error", "{text:?}: {error}"),
        }
        assert_eq!(
            read(document.as_bytes()).map_err(|e| e.to_string()),
            records.map_err(|e| e.to_string())
        );
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn a_document_that_is_not_a_list_is_refused_with_its_type() {
    for (text, found) in [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("---\n...\n", "empty"),
        ("null\n", "null"),
        ("~", "null"),
        ("{a: 1}\n", "map"),
        ("a: 1\n", "map"),
        ("\"text\"\n", "text"),
        ("12", "integer"),
        ("!!python/tuple [1]", "tuple"),
    ] {
        let (rule, line, column) = refusal(read(text.as_bytes()));
        match rule {
            Rule::NotAList { found: other } => assert_eq!(other, found, "{text:?}"),
            Rule::TagMismatch { .. } => assert_eq!(found, "tuple"),
            other => panic!("{text:?}: {other:?}"),
        }
        assert!(line <= 3 && column == 1, "{text:?} at {line}:{column}");
    }
}

#[test]
fn an_empty_list_has_no_items() {
    for text in ["[]", "[]\n", "--- []\n...\n", "%YAML 1.1\n---\n[ ]", "\u{feff}[]", "!!seq []"] {
        assert_eq!(read(text.as_bytes()).unwrap(), [], "{text:?}");
    }
}

#[test]
fn a_second_document_is_refused() {
    for text in ["- a\n---\n- b\n", "[]\n--- []\n", "- a\n...\n%YAML 1.1\n--- a"] {
        assert_eq!(refusal(read(text.as_bytes())).0, Rule::SecondDocument, "{text:?}");
    }
    assert_eq!(read(b"---\n- a\n...\n").unwrap().len(), 1);
}

#[test]
fn errors_have_their_location() {
    let (rule, line, column) = refusal(read(b"- \"a\": \"1\"\n- \"a\": !x \"1\"\n"));
    assert_eq!((rule, line, column), (Rule::UnknownTag { tag: "!x".to_owned() }, 2, 8));
    let (rule, line, column) = refusal(read("- \"é\": [1\n  ]]\n".as_bytes()));
    assert!(matches!(rule, Rule::Syntax { .. }), "{rule:?}");
    assert_eq!((line, column), (2, 4));
    let (rule, line, column) = refusal(read(b"- \"a\": \"1\"\n  \"b\": \"\"\n  \"a\": \"2\"\n"));
    assert_eq!((rule, line, column), (Rule::DuplicateKey { key: "`a`".to_owned() }, 3, 3));
    let (rule, line, column) = refusal(read(b"- a\n- \xff\n"));
    assert_eq!((rule, line, column), (Rule::Encoding, 2, 3));
    let (rule, line, column) = refusal(read(b"- a\n- b\x01\n"));
    assert_eq!((rule, line, column), (Rule::Character { found: 1 }, 2, 4));
    let (rule, ..) = refusal(read(b"- !!python/object/apply:os.system [\"id\"]\n"));
    assert_eq!(rule, Rule::UnknownTag { tag: "!!python/object/apply:os.system".to_owned() });
}

#[test]
fn items_have_their_lines_on_the_fast_path() {
    let text =
        b"- \"a\": \"1\"\n  \"b\": \"2 \\\n    3\"\n# comment\n- a: 1\n\n- \"c\": []\n- \"d\": {}";
    let items = read(text).unwrap();
    let lines: Vec<_> = items.iter().map(|item| (item.index, item.line)).collect();
    assert_eq!(lines, [(0, 1), (1, 5), (2, 7), (3, 8)]);
    assert_eq!(items, read_generally(text).unwrap());
}

fn shared(label: u32, items: &[i64]) -> Value {
    let items = items.iter().map(|item| Value::Int(*item)).collect();
    Value::Shared(Shared { label, value: Box::new(Value::List(items)) })
}

fn map(entries: &[(&str, Value)]) -> Value {
    let entries = entries.iter().map(|(key, value)| (Value::from(*key), value.clone()));
    Value::Map(Map::from_entries(entries.collect()))
}

#[test]
fn only_targets_of_aliases_in_the_same_record_are_shared() {
    let text = b"- {a: &x [1], b: &y [2], c: *y, d: &z 3, e: *z}\n- {a: *x, b: *x, c: *z}\n";
    let list = |item| Value::List(vec![Value::Int(item)]);
    assert_eq!(
        values(read(text).unwrap()),
        [
            map(&[
                ("a", list(1)),
                ("b", shared(0, &[2])),
                ("c", shared(0, &[2])),
                ("d", Value::Int(3)),
                ("e", Value::Int(3)),
            ]),
            map(&[("a", list(1)), ("b", list(1)), ("c", Value::Int(3))]),
        ]
    );
}

#[test]
fn anchors_are_numbered_through_the_document() {
    let record = map(&[
        ("a", shared(7, &[1])),
        ("b", shared(3, &[2])),
        ("c", shared(3, &[2])),
        ("d", shared(7, &[1])),
        ("e", shared(9, &[])),
    ]);
    let text = String::from_utf8(super::write([&record, &record])).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("id0")).collect();
    assert_eq!(
        lines,
        [
            "- \"a\": &id002",
            "  \"b\": &id001",
            "  \"c\": *id001",
            "  \"d\": *id002",
            "- \"a\": &id004",
            "  \"b\": &id003",
            "  \"c\": *id003",
            "  \"d\": *id004",
        ]
    );
}
