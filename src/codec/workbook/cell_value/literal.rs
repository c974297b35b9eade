//! Lists and maps in a cell, as Python literals: eNMS writes them with `str` and reads them with
//! `ast.literal_eval`.
//!
//! ```text
//! None True False   22 -7   1.5 1e+16   'text' "text"   b'bytes'
//! [1, '2']   (0, 0)   {'a': 'c', 'b': [1, 2, '3']}
//! ```
//!
//! Three forms are our own, for values without a literal in Python, or that a cell would change:
//! `float('nan')`, `float(1.0)`, `int(12345678901234567890)` and `datetime('2024-01-31 12:30:00')`.
//!
//! The reader accepts nothing else: no names, no operators, no concatenated texts. Its depth is
//! limited, and its time is linear in the length of the text.

use std::{collections::HashSet, fmt::Write};

use crate::model::{Map, VALUE_DEPTH_MAX, Value, python};

/// Parses the whole text as one literal. `None` if it is not one.
pub(super) fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { text, at: 0 };
    reader.blanks();
    let value = reader.value(0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

/// Parses a quoted literal and returns its text. `None` if it is not one.
pub(super) fn parse_text(quoted: &str) -> Option<String> {
    let mut reader = Reader { text: quoted, at: 0 };
    let text = reader.quoted()?;
    (reader.at == quoted.len()).then_some(text)
}

/// Returns the literal of a value: Python's `repr`, or one of our own forms.
pub(super) fn spell(value: &Value) -> String {
    let mut out = String::new();
    python::write_repr(&mut out, value, &write_scalar);
    out
}

/// Returns the literal of a text. It has double quotes unless the text contains one, because a
/// spreadsheet program removes a single quote at the beginning of a typed cell.
pub(super) fn spell_text(text: &str) -> String {
    let mut out = String::new();
    python::write_text(&mut out, text, if text.contains('"') { '\'' } else { '"' });
    out
}

/// Writes a scalar as a Python literal, or in one of our own forms.
fn write_scalar(out: &mut String, scalar: &Value) {
    match scalar {
        Value::Float(number) if !number.is_finite() => {
            let _ = write!(out, "float('{}')", python::float_repr(*number));
        }
        Value::Timestamp(text) => {
            out.push_str("datetime(");
            python::write_text(out, text, python::quote_of(text.as_bytes()));
            out.push(')');
        }
        other => python::write_scalar(out, other),
    }
}

/// Reads a text from its beginning. Every method returns None for a text that is not a literal.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        if is_there {
            self.at += token.len();
        }
        is_there
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.peek()? {
            '[' | '(' | '{' if depth >= VALUE_DEPTH_MAX => None,
            '[' => {
                self.at += 1;
                self.items(depth, ']').map(|(items, _)| Value::List(items))
            }
            '(' => {
                self.at += 1;
                match self.items(depth, ')')? {
                    // `(1)` is 1 in Python, and not a tuple.
                    (items, false) if items.len() == 1 => None,
                    (items, _) => Some(Value::Tuple(items)),
                }
            }
            '{' => {
                self.at += 1;
                self.map(depth)
            }
            '\'' | '"' => self.quoted().map(Value::Text),
            '0'..='9' | '-' => self.number(),
            _ => self.word(),
        }
    }

    /// The items between brackets, and whether a comma follows the last one.
    fn items(&mut self, depth: usize, end: char) -> Option<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut has_comma = false;
        loop {
            self.blanks();
            if self.peek()? == end {
                self.at += 1;
                return Some((items, has_comma));
            }
            if !items.is_empty() && !has_comma {
                return None;
            }
            items.push(self.value(depth + 1)?);
            self.blanks();
            has_comma = self.eat(",");
        }
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        let mut keys = HashSet::new();
        let mut has_comma = true;
        loop {
            self.blanks();
            if self.eat("}") {
                return Some(Value::Map(Map::from_entries(entries)));
            }
            if !has_comma {
                return None;
            }
            let key = self.value(depth + 1)?;
            // In Python a key is not a list or a map, and a second equal key replaces the first.
            let can_be_key = !matches!(key, Value::List(_) | Value::Map(_));
            if !can_be_key || !keys.insert(spell(&key)) {
                return None;
            }
            self.blanks();
            if !self.eat(":") {
                return None;
            }
            self.blanks();
            entries.push((key, self.value(depth + 1)?));
            self.blanks();
            has_comma = self.eat(",");
        }
    }

    fn word(&mut self) -> Option<Value> {
        for (word, value) in
            [("None", Value::Null), ("True", Value::Bool(true)), ("False", Value::Bool(false))]
        {
            if self.eat(word) {
                let goes_on = self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_');
                return (!goes_on).then_some(value);
            }
        }
        if self.eat("b'") || self.eat("b\"") {
            let quote = self.text[..self.at].chars().next_back()?;
            return self.bytes(quote).map(Value::Binary);
        }
        let call = if self.eat("float(") {
            let number = match self.peek()? {
                '\'' | '"' => match self.quoted()?.as_str() {
                    "nan" => f64::NAN,
                    "inf" => f64::INFINITY,
                    "-inf" => f64::NEG_INFINITY,
                    _ => return None,
                },
                _ => match self.number()? {
                    Value::Float(number) => number,
                    _ => return None,
                },
            };
            Value::Float(number)
        } else if self.eat("int(") {
            match self.number()? {
                Value::Float(_) => return None,
                whole => whole,
            }
        } else if self.eat("datetime(") {
            Value::Timestamp(self.quoted()?)
        } else {
            return None;
        };
        self.eat(")").then_some(call)
    }

    fn number(&mut self) -> Option<Value> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
        let token = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        let digits = token.strip_prefix('-').unwrap_or(token);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let value = if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            // Python refuses a number with leading zeros.
            if digits.len() > 1 && digits.starts_with('0') || token == "-0" {
                return None;
            }
            match token.parse() {
                Ok(number) => Value::Int(number),
                Err(_) => Value::BigInt(token.to_owned()),
            }
        } else {
            Value::Float(token.parse().ok().filter(|number: &f64| number.is_finite())?)
        };
        self.at += token.len();
        Some(value)
    }

    fn quoted(&mut self) -> Option<String> {
        let quote = self.take().filter(|c| matches!(c, '\'' | '"'))?;
        let mut text = String::new();
        loop {
            match self.take()? {
                c if c == quote => return Some(text),
                '\\' => {
                    let escaped = self.take()?;
                    text.push(match simple_escape(escaped) {
                        Some(c) => c,
                        None => char::from_u32(match escaped {
                            'x' => self.hex(2)?,
                            'u' => self.hex(4)?,
                            'U' => self.hex(8)?,
                            _ => return None,
                        })?,
                    });
                }
                // A literal ends on its line.
                '\n' | '\r' => return None,
                c => text.push(c),
            }
        }
    }

    fn bytes(&mut self, quote: char) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            match self.take()? {
                c if c == quote => return Some(bytes),
                '\\' => {
                    let escaped = self.take()?;
                    let byte = match (simple_escape(escaped), escaped) {
                        (Some(c), _) => u32::from(c),
                        (None, 'x') => self.hex(2)?,
                        (None, _) => return None,
                    };
                    bytes.push(u8::try_from(byte).ok()?);
                }
                c @ ' '..='~' => bytes.push(u8::try_from(c).ok()?),
                _ => return None,
            }
        }
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let text = self.rest().get(..digits)?;
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(text, 16).ok()?;
        self.at += digits;
        Some(number)
    }
}

/// Python's escapes of one letter. Octal escapes are not read, because nothing writes them.
fn simple_escape(c: char) -> Option<char> {
    Some(match c {
        '\\' | '\'' | '"' => c,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(entries: Vec<(Value, Value)>) -> Value {
        Value::Map(Map::from_entries(entries))
    }

    #[test]
    fn literals_of_enms_are_parsed() {
        let list = Value::List(vec![Value::Int(1), Value::Int(2), "3".into()]);
        let value = map(vec![("a".into(), "c".into()), ("b".into(), list)]);
        assert_eq!(parse("{'a': 'c', 'b': [1, 2, '3']}"), Some(value.clone()));
        assert_eq!(spell(&value), "{'a': 'c', 'b': [1, 2, '3']}");
        for (text, value) in [
            ("[]", Value::List(Vec::new())),
            (" { } ", map(Vec::new())),
            ("()", Value::Tuple(Vec::new())),
            ("(1,)", Value::Tuple(vec![Value::Int(1)])),
            ("[ 'R 1%' ,\"it's\", ]", Value::List(vec!["R 1%".into(), "it's".into()])),
            (r"'\x41\u00e9\U0001F600\n\\\''", Value::from("Aé😀\n\\'")),
            (r"b'\x00\xffa'", Value::Binary(vec![0, 255, b'a'])),
            ("-7", Value::Int(-7)),
            ("12345678901234567890", Value::BigInt("12345678901234567890".to_owned())),
            ("1e+16", Value::Float(1e16)),
            ("float('-inf')", Value::Float(f64::NEG_INFINITY)),
            ("datetime('2024-01-31')", Value::Timestamp("2024-01-31".to_owned())),
            ("None", Value::Null),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_literal_is_refused() {
        for text in [
            "",
            " ",
            "[Shared] x",
            "(R) x: y",
            "[1, 2",
            "[1 2]",
            "[,]",
            "[1,,2]",
            "(1)",
            "{1, 2}",
            "{'a': 1, 'a': 2}",
            "{[]: 1}",
            "{'a' 1}",
            "'a' 'b'",
            "'a",
            "'a\nb'",
            r"'\q'",
            r"'\ud800'",
            r"'\x+1'",
            "r'a'",
            "007",
            "-0",
            "--1",
            "1_000",
            "1e999",
            "1.2.3",
            "Nonesuch",
            "__import__('os')",
            "float('1')",
            "[1] + [2]",
            "[x for x in y]",
            "é>b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn depth_and_time_are_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(VALUE_DEPTH_MAX)).is_some());
        assert_eq!(parse(&nested(VALUE_DEPTH_MAX + 1)), None);
        assert_eq!(parse(&"[".repeat(1 << 20)), None);
        let entries: Vec<String> = (0..100_000).map(|number| format!("{number}: 0")).collect();
        assert!(parse(&format!("{{{}}}", entries.join(", "))).is_some());
    }

    /// Values of every type, nested, some with hostile texts.
    pub(crate) fn values() -> impl Strategy<Value = Value> {
        let texts = prop_oneof![
            any::<String>(),
            "[\\['\"\\\\nNoe0-9.,(){}: E+\\]]{0,12}",
            prop::sample::select(vec![
                "",
                "None",
                "True",
                "R 1%",
                "[Shared] x",
                "é>b",
                "..",
                "1.2E+10",
                "\"None\"",
                "'None'",
                "\"\"",
                "'\"\"'",
                "[1]",
                "(1, 2)",
                "=1+1",
                "\u{feff}x",
                "a\u{0}\r\n",
            ])
            .prop_map(str::to_owned),
        ];
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-100_i64..100).prop_map(Value::Int),
            "-?[1-9][0-9]{19,30}".prop_map(Value::BigInt),
            any::<f64>().prop_map(Value::Float),
            (-100_i32..100).prop_map(|number| Value::Float(f64::from(number))),
            Just(Value::Float(f64::NAN)),
            Just(Value::Float(-0.0)),
            texts.prop_map(Value::Text),
            "20[0-9]{2}-0[1-9]-1[0-9]( 1[0-9]:30:00)?".prop_map(Value::Timestamp),
            any::<Vec<u8>>().prop_map(Value::Binary),
        ];
        scalar.prop_recursive(4, 32, 6, |inner| {
            let keys = "[a-z'\"\\\\é]{0,4}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
                prop::collection::btree_map(keys, inner, 0..6).prop_map(|entries| {
                    let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
                    map(entries.collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_literal_is_parsed_to_its_value(value in values()) {
            // Floats are compared by their bits, but NaN has many.
            let text = spell(&value);
            prop_assert_eq!(parse(&text).map(|read| spell(&read)), Some(text.clone()));
            if !text.contains("nan") {
                prop_assert_eq!(parse(&text), Some(value));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*", literal in "[\\['\"\\\\bfx0-9.,(){}: -]*\\]?") {
            let _ = (parse(&text), parse(&literal), parse_text(&text));
            prop_assert_eq!(parse_text(&spell_text(&text)), Some(text));
        }
    }
}
