//! Hostile documents are refused quickly and with little memory.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::TryLockError;

use super::super::build::LARGE_RECORD;
use super::super::{
    ALIAS_BYTES_PER_BYTE_MAX, INT_DIGITS_MAX, LARGE_RECORD_BYTES, NODE_BYTES, TEXT_BYTES_MAX,
};
use super::{RecordWriter, Rule, read, read_generally, read_records, refusal, values};
use crate::model::{
    Entity, Field, Name, Pool, Record, Ref, Secrets, VALUE_DEPTH_MAX, Value, check_limits,
};

fn rule(text: &str) -> Rule {
    let general = refusal(read_generally(text.as_bytes()));
    assert_eq!(refusal(read(text.as_bytes())), general);
    general.0
}

#[test]
fn nesting_is_limited_before_the_stack_overflows() {
    for open in ["[", "{a: ", "{? ", "- ", "? ", "[a: ", "&a [", "!!seq [", "- - ", "{? [", "[? "] {
        let text = format!("- {}", open.repeat(100_000));
        let rule = rule(&text);
        assert!(matches!(rule, Rule::Depth { .. } | Rule::DuplicateAnchor { .. }), "{rule:?}");
    }
    let lines: String = (1..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(matches!(rule(&format!("-\n{lines}")), Rule::Depth { .. }));
    let lines: String = (1..1000).map(|at| format!("{}\"a\":\n", "  ".repeat(at))).collect();
    assert!(matches!(rule(&format!("- {}", &lines[2..])), Rule::Depth { .. }));
}

#[test]
fn a_property_may_nest_as_deep_as_a_value() {
    let nested = |depth| format!("- \"a\": {}{}\n", "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(VALUE_DEPTH_MAX).as_bytes()).is_ok());
    assert!(matches!(rule(&nested(VALUE_DEPTH_MAX + 1)), Rule::Depth { .. }));
    let canonical = |depth: usize| format!("- \"a\":\n  {}[]\n", "- ".repeat(depth - 1));
    assert!(read(canonical(VALUE_DEPTH_MAX).as_bytes()).is_ok());
    assert!(matches!(rule(&canonical(VALUE_DEPTH_MAX + 1)), Rule::Depth { .. }));
}

#[test]
fn aliases_count_with_their_expanded_size() {
    for leaf in ["\"lol\"", "[]", "{}", "1"] {
        let mut text = format!("- a0: &a0 [{leaf}]\n");
        for level in 1..12 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("  a{level}: &a{level} [{below}]\n"));
        }
        assert_eq!(rule(&text), Rule::AnchorSize);
    }
    let text = format!("- [&a [{}], {}]\n", "[], ".repeat(300_000), "*a, ".repeat(20));
    assert_eq!(rule(&text), Rule::RecordSize);
    // Each record is in bounds; it is the document that is not.
    let mut text = format!("- &a [{}]\n", "[], ".repeat(300_000));
    text.push_str(&"- *a\n".repeat(20));
    assert_eq!(rule(&text), Rule::Expansion);
}

#[test]
fn records_that_can_be_read_alone_can_be_read_together() {
    let record = |number| {
        let anchor = format!("&a{number} [{}]", "[], ".repeat(1_000));
        format!("- [{anchor}, {}]\n", format!("*a{number}, ").repeat(100))
    };
    let text: String = (0..25).map(record).collect();
    let expanded = 25 * 100 * 1_000 * NODE_BYTES;
    assert!(expanded > LARGE_RECORD_BYTES + text.len() as u64 * ALIAS_BYTES_PER_BYTE_MAX);
    assert!(read(text.as_bytes()).is_ok());
}

#[test]
fn aliases_count_for_the_depth() {
    let mut text = String::from("- a0: &a0 []\n");
    for level in 1..100 {
        text.push_str(&format!("  a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(matches!(rule(&text), Rule::Depth { .. }));
}

#[test]
fn an_alias_inside_of_its_own_anchor_is_refused() {
    for text in ["- &a [*a]", "- &a {b: [*a]}", "- &a {*a : b}", "&a [*a]", "&a\n- *a"] {
        assert_eq!(rule(text), Rule::RecursiveAlias { name: "a".to_owned() }, "{text}");
    }
}

#[test]
fn old_anchors_are_removed_before_the_memory_limit() {
    let mut text = String::new();
    for record in 0..70_000 {
        text.push_str(&format!("- &a{record} [x]\n"));
    }
    assert!(read(format!("{text}- *a69999\n").as_bytes()).is_ok());
    assert_eq!(rule(&format!("{text}- *a0\n")), Rule::UndefinedAlias { name: "a0".to_owned() });
}

#[test]
fn a_text_over_the_limit_is_refused() {
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    assert_eq!(rule(&format!("- {long}")), Rule::TextSize);
    assert_eq!(rule(&format!("- \"a\": \"{long}\"\n")), Rule::TextSize);
    assert_eq!(rule(&format!("- |\n  {long}")), Rule::TextSize);
}

#[test]
fn names_and_numbers_over_the_limits_are_refused() {
    assert_eq!(rule(&format!("- &{} x", "a".repeat(5000))), Rule::NameSize);
    assert_eq!(rule(&format!("- !{} x", "a".repeat(5000))), Rule::NameSize);
    let digits = |count| format!("- 1{}", "0".repeat(count));
    assert!(read(digits(INT_DIGITS_MAX - 10).as_bytes()).is_ok());
    assert!(matches!(rule(&digits(INT_DIGITS_MAX + 20)), Rule::Scalar { .. }));
    assert!(matches!(rule(&digits(1_000_000)), Rule::Scalar { .. }));
    assert!(matches!(rule(&format!("- 0x{}", "f".repeat(1_000_000))), Rule::Scalar { .. }));
}

/// Reads `start`, then `each` without end.
struct Endless {
    start: &'static [u8],
    each: &'static [u8],
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for (place, byte) in buffer.iter_mut().enumerate() {
            let at = self.at + place;
            *byte = match at.checked_sub(self.start.len()) {
                None => self.start[at],
                Some(after) => self.each[after % self.each.len()],
            };
        }
        self.at += buffer.len();
        Ok(buffer.len())
    }
}

#[test]
fn a_record_without_an_end_is_refused() {
    // Without optimisation, the first ones take long enough.
    let count = if cfg!(debug_assertions) { 3 } else { usize::MAX };
    let documents = [
        (&b"- \"a\": \""[..], &b"x"[..]),
        (b"- !", b"x"),
        (b"- a", b"\n\n"),
        (b"- \"a\":\n", b"  - \"x\"\n"),
        (b"- {", b"a b c, "),
        (b"- [", b"[],"),
        (b"[[", b"1,"),
        (b"- \"a\": '", b"\n"),
        (b"- |\n", b"\n"),
    ];
    for (start, each) in documents.into_iter().take(count) {
        let endless = Endless { start, each, at: 0 };
        let end = read_records(endless, |_| ControlFlow::Continue(()));
        assert!(end.is_err(), "{:?}", String::from_utf8_lossy(start));
    }
}

#[test]
fn a_caller_may_stop_early() {
    let endless = Endless { start: b"", each: b"- \"a\": \"1\"\n", at: 0 };
    let mut count = 0;
    let end = read_records(endless, |_| {
        count += 1;
        if count < 1000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!(end.unwrap(), 1000);
}

#[test]
fn a_mapping_of_many_keys_is_read_in_linear_time() {
    let keys = (0..100_000).rev().map(|key| format!("  \"k{key}\": \"\"\n"));
    let text: String = keys.collect();
    let text = format!("- {}", &text[2..]);
    let items = values(read(text.as_bytes()).unwrap());
    assert!(matches!(&items[0], Value::Map(map) if map.len() == 100_000));
    let text = format!("{text}  \"k99999\": \"\"\n");
    assert!(matches!(rule(&text), Rule::DuplicateKey { .. }));
}

#[test]
fn a_pool_of_a_million_devices_is_written_and_read() {
    let names: Vec<_> = (0..1_000_000).map(|number| format!("R {number:06} é>b")).collect();
    let mut pool = Pool::named(Name::parse("all".to_owned()).unwrap());
    pool.devices = Field::Set(names.into_iter().map(Ref::new).collect());
    assert_eq!(check_limits(&mut pool), Ok(()));
    let mut writer = RecordWriter::new(Vec::new());
    writer.record(pool.views(Secrets::Included).into_iter()).unwrap();
    let items = values(read(&writer.finish().unwrap()).unwrap());
    let Value::Map(read) = &items[0] else { panic!("no record") };
    assert!(matches!(read.get("devices"), Some(Value::List(names)) if names.len() == 1_000_000));
}

#[test]
fn one_thread_at_a_time_reads_a_large_record() {
    let long = "x".repeat(LARGE_RECORD_BYTES as usize / 3);
    let text = format!("- [{long}, {long}, {long}]\n");
    let mut met = false;
    read_records(text.as_bytes(), |_| {
        met = matches!(LARGE_RECORD.try_lock(), Err(TryLockError::WouldBlock));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(met);
}

#[test]
fn a_chunk_may_end_within_a_character() {
    /// Returns one byte at a time.
    struct Dribble<'a>(&'a [u8]);
    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }
    let text = "- \"a\": \"é\\u00e9\u{1f600} \\\n    \\ b\"\n  \"c\": !!int \"1\"\n- {é: \u{1f600}\r\n}\r\n\
                - |\r\n  x\r\n\r\n- 'it''s'\n- \"\\U0001F600\"\n";
    let mut items = Vec::new();
    let count = read_records(Dribble(text.as_bytes()), |item| {
        items.push(item);
        ControlFlow::Continue(())
    });
    assert_eq!(count.unwrap(), 5);
    assert_eq!(items, read(text.as_bytes()).unwrap());
}
