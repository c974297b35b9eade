//! The limits of one record.
//!
//! A record has no other limits. They are checked when a record enters by a REST call, a project's
//! document or a workbook's row. The reader of project documents accepts every record within them,
//! so every stored record can be exported and imported again.
//!
//! The **size** of a record is the number of bytes of its texts in a document before escapes, plus
//! [`NODE_BYTES`] for each value, key, list and map. This is about the size of the record in
//! memory. The reader of documents counts in the same way.

use std::collections::HashSet;

use super::{Record, Secrets, Value, View};

/// The longest name, in bytes of UTF-8: the length of eNMS's database columns.
pub const NAME_BYTES_MAX: usize = 255;

/// The longest text of a record, in bytes of UTF-8. Secrets and binary data are measured in base64.
/// The largest record of a real project has 60 KB in all. An import decodes up to eight documents at
/// a time, and holds at most two copies of a text of each. With this limit, these copies take at most
/// 512 MiB.
pub const TEXT_BYTES_MAX: usize = 32 << 20;

/// The largest size of a record, in bytes. A pool with a million devices has 100 MB if their names
/// have 70 bytes. An import, a change or an export holds a few copies of the current record:
/// with a record of this size, a server needed 0.7 GiB during an import and 0.8 GiB during an
/// export.
pub const RECORD_BYTES_MAX: u64 = 128 << 20;

/// The size of a value, key, list or map without its text, in bytes: the size of a [`Value`] in
/// memory, so that a million empty lists are not free.
pub const NODE_BYTES: u64 = 32;

/// The largest nesting depth of lists and maps in one value. Real documents have fewer than ten
/// levels. The limit protects the stack of every recursive function over values, including
/// bincode's decoder.
pub const VALUE_DEPTH_MAX: usize = 64;

/// The largest number of decimal digits of an integer: CPython's limit for parsing a number,
/// which eNMS does with an export.
pub const INT_DIGITS_MAX: usize = 4300;

/// The largest number of shared collections of one record ([`Shared`](super::Shared)). This is also
/// the largest number of anchors that a reader of documents keeps.
pub const SHARED_MAX: usize = 65_536;

/// The largest size of all shared collections of a record, each counted once, in bytes. A reader of
/// documents keeps at most this many bytes for later aliases.
pub const SHARED_BYTES_MAX: u64 = 64 << 20;

/// The longest configuration or other long text of a device, in bytes. Such texts are stored
/// apart from the records and are not part of projects, as in eNMS, so documents do not limit them.
/// It is also the size limit of one request. The configuration of a large router has a few million bytes.
pub const LONG_TEXT_BYTES_MAX: usize = 64 << 20;

/// A record of at most this many bytes of bincode cannot exceed a limit, so it is not checked: every
/// limit is higher, and a byte of bincode counts as less than [`RECORD_BYTES_MAX`] divided by this.
pub const UNCHECKED_RECORD_BYTES_MAX: usize = 4096;

const _: () = assert!(UNCHECKED_RECORD_BYTES_MAX < INT_DIGITS_MAX);
const _: () = assert!((UNCHECKED_RECORD_BYTES_MAX as u64) * 2 * NODE_BYTES < RECORD_BYTES_MAX);

/// The number of characters of a property's name in an error.
const SHOWN_CHARACTERS_MAX: usize = 80;

/// The longest text of a float, "-1.7976931348623157e+308".
const FLOAT_BYTES: usize = 24;

/// The length of a line of base64, in characters, as Python writes it.
const BASE64_LINE_BYTES: usize = 76;

/// A limit that a record exceeds. The name of the property is shortened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverLimit {
    /// A text is longer than [`TEXT_BYTES_MAX`].
    #[error("a text in '{property}' has {bytes} bytes; at most {TEXT_BYTES_MAX} are allowed")]
    Text {
        /// The property, shortened to 80 characters.
        property: String,
        /// The length of the text, in bytes of UTF-8.
        bytes: usize,
    },
    /// An integer has more digits than [`INT_DIGITS_MAX`].
    #[error("an integer in '{property}' has {digits} digits; at most {INT_DIGITS_MAX} are allowed")]
    Digits {
        /// The property, shortened to 80 characters.
        property: String,
        /// The number of its decimal digits.
        digits: usize,
    },
    /// Lists and maps are nested deeper than [`VALUE_DEPTH_MAX`].
    #[error("lists and maps in '{property}' are nested deeper than {VALUE_DEPTH_MAX} levels")]
    Depth {
        /// The property, shortened to 80 characters.
        property: String,
    },
    /// More collections than [`SHARED_MAX`] are shared, or they have more than
    /// [`SHARED_BYTES_MAX`] bytes.
    #[error(
        "the record contains too many lists and maps more than once (aliases in YAML), the last in \
         '{property}'; at most {SHARED_MAX} with {SHARED_BYTES_MAX} bytes in total are allowed"
    )]
    Shared {
        /// The property with the collection that exceeds the limit, shortened to 80 characters.
        property: String,
    },
    /// The record is larger than [`RECORD_BYTES_MAX`].
    #[error(
        "the record has {bytes} bytes, including {NODE_BYTES} bytes for each value; at most \
         {RECORD_BYTES_MAX} are allowed"
    )]
    Record {
        /// The size of the record, in bytes.
        bytes: u64,
    },
}

impl OverLimit {
    /// The property over the limit. `None` if the record as a whole is over the limit.
    pub fn property(&self) -> Option<&str> {
        match self {
            OverLimit::Text { property, .. }
            | OverLimit::Digits { property, .. }
            | OverLimit::Depth { property }
            | OverLimit::Shared { property } => Some(property),
            OverLimit::Record { .. } => None,
        }
    }
}

/// Checks that a record is within the limits.
///
/// # Errors
/// `OverLimit` for the first limit that it exceeds.
pub fn check_limits(record: &mut dyn Record) -> Result<(), OverLimit> {
    let RecordSize { bytes, over, .. } = measure(record);
    match over {
        Some(over) => Err(over),
        None if bytes > RECORD_BYTES_MAX => Err(OverLimit::Record { bytes }),
        None => Ok(()),
    }
}

/// Returns the size of a record, in bytes.
pub fn record_bytes(record: &mut dyn Record) -> u64 {
    measure(record).bytes
}

fn measure(record: &mut dyn Record) -> RecordSize {
    let mut size = RecordSize::default();
    size.bytes += NODE_BYTES;
    for (property, view) in record.views(Secrets::Included) {
        size.add_text(property, property.len());
        size.add_view(property, &view);
    }
    // The views include the secrets that are not encrypted.
    for (property, secret) in record.secrets() {
        if let Some(bytes) = secret.encrypted_text_bytes() {
            size.add_text(property, property.len());
            size.add_text(property, bytes);
        }
    }
    size
}

/// The size of the properties that were counted so far, and the first limit that they exceed.
#[derive(Default)]
struct RecordSize {
    bytes: u64,
    /// The labels of the shared collections.
    shared: HashSet<u32>,
    shared_bytes: u64,
    over: Option<OverLimit>,
}

impl RecordSize {
    fn refuse(&mut self, over: impl FnOnce() -> OverLimit) {
        if self.over.is_none() {
            self.over = Some(over());
        }
    }

    fn add_scalar(&mut self, bytes: usize) {
        self.bytes += NODE_BYTES + bytes as u64;
    }

    fn add_text(&mut self, property: &str, bytes: usize) {
        self.add_scalar(bytes);
        if bytes > TEXT_BYTES_MAX {
            self.refuse(|| OverLimit::Text { property: shortened(property), bytes });
        }
    }

    fn add_int(&mut self, property: &str, text: &str) {
        self.add_scalar(text.len());
        let digits = text.trim_start_matches('-').len();
        if digits > INT_DIGITS_MAX {
            self.refuse(|| OverLimit::Digits { property: shortened(property), digits });
        }
    }

    fn add_view(&mut self, property: &str, view: &View<'_>) {
        match view {
            View::Null => self.add_scalar("null".len()),
            View::Bool(truth) => self.add_scalar(truth_bytes(*truth)),
            View::Int(number) => self.add_scalar(int_bytes(*number)),
            View::Float(_) => self.add_scalar(FLOAT_BYTES),
            View::Text(text) => self.add_text(property, text.len()),
            View::Texts(texts) => {
                self.add_scalar(0);
                texts.iter().for_each(|text| self.add_text(property, text.len()));
            }
            View::Value(value) => self.add_value(property, value, 0),
        }
    }

    /// Adds a value that is inside of `depth` collections.
    fn add_value(&mut self, property: &str, value: &Value, depth: usize) {
        match value {
            Value::Null => self.add_scalar("null".len()),
            Value::Bool(truth) => self.add_scalar(truth_bytes(*truth)),
            Value::Int(number) => self.add_scalar(int_bytes(*number)),
            Value::BigInt(text) => self.add_int(property, text),
            Value::Float(_) => self.add_scalar(FLOAT_BYTES),
            Value::Text(text) | Value::Timestamp(text) => self.add_text(property, text.len()),
            Value::Binary(bytes) => self.add_text(property, base64_bytes(bytes.len())),
            Value::List(items) | Value::Tuple(items) => {
                self.add_collection(property, depth);
                items.iter().for_each(|item| self.add_value(property, item, depth + 1));
            }
            Value::Map(map) => {
                self.add_collection(property, depth);
                for (key, value) in map.iter() {
                    self.add_value(property, key, depth + 1);
                    self.add_value(property, value, depth + 1);
                }
            }
            Value::Shared(shared) => {
                let before = self.bytes;
                self.add_value(property, &shared.value, depth);
                if self.shared.insert(shared.label) {
                    self.shared_bytes += self.bytes - before;
                }
                if self.shared.len() > SHARED_MAX || self.shared_bytes > SHARED_BYTES_MAX {
                    self.refuse(|| OverLimit::Shared { property: shortened(property) });
                }
            }
        }
    }

    fn add_collection(&mut self, property: &str, depth: usize) {
        self.add_scalar(0);
        if depth >= VALUE_DEPTH_MAX {
            self.refuse(|| OverLimit::Depth { property: shortened(property) });
        }
    }
}

fn truth_bytes(truth: bool) -> usize {
    if truth { "true".len() } else { "false".len() }
}

fn int_bytes(number: i64) -> usize {
    let digits = number.unsigned_abs().checked_ilog10().unwrap_or_default() as usize + 1;
    digits + usize::from(number < 0)
}

/// The length of binary data in base64, with the break of each line.
fn base64_bytes(bytes: usize) -> usize {
    let characters = bytes.div_ceil(3) * 4;
    characters + characters.div_ceil(BASE64_LINE_BYTES)
}

fn shortened(property: &str) -> String {
    match property.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &property[..end]),
        None => property.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Credential, Device, Entity, Field, Map, Name, Secret, Shared,
        secret::ENCRYPTION_OVERHEAD_BYTES,
    };

    fn device(property: &str, value: Value) -> Device {
        let mut device = Device::named(Name::parse("R 1% é>b".to_owned()).unwrap());
        device.set(property, value).unwrap();
        device
    }

    fn checked(property: &str, value: Value) -> Result<(), OverLimit> {
        check_limits(&mut device(property, value))
    }

    #[test]
    fn each_limit_accepts_its_bound_and_refuses_more() {
        let text = |bytes: usize| Value::from("x".repeat(bytes));
        let nested =
            |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        let digits = |count: usize| Value::BigInt(format!("-{}", "9".repeat(count)));
        let list = |label| Value::Shared(Shared { label, value: Box::new(Value::List(vec![])) });
        let shared = |count: usize| Value::List((0..count as u32).map(list).collect());
        for property in ["description", "rack"] {
            assert_eq!(checked(property, text(TEXT_BYTES_MAX)), Ok(()));
            let over = OverLimit::Text { property: property.to_owned(), bytes: TEXT_BYTES_MAX + 1 };
            assert_eq!(checked(property, text(TEXT_BYTES_MAX + 1)), Err(over));
        }
        let rack = || "rack".to_owned();
        assert_eq!(checked("rack", nested(VALUE_DEPTH_MAX)), Ok(()));
        let over = OverLimit::Depth { property: rack() };
        assert_eq!(checked("rack", nested(VALUE_DEPTH_MAX + 1)), Err(over));
        assert_eq!(checked("rack", digits(INT_DIGITS_MAX)), Ok(()));
        let over = OverLimit::Digits { property: rack(), digits: INT_DIGITS_MAX + 1 };
        assert_eq!(checked("rack", digits(INT_DIGITS_MAX + 1)), Err(over));
        assert_eq!(checked("rack", shared(SHARED_MAX)), Ok(()));
        let over = OverLimit::Shared { property: rack() };
        assert_eq!(checked("rack", shared(SHARED_MAX + 1)), Err(over));
    }

    #[test]
    fn the_size_of_a_record_is_exact() {
        let bare = record_bytes(&mut device("rack", Value::Null));
        let items = ((RECORD_BYTES_MAX - bare) / (NODE_BYTES + 4)) as usize;
        let list = |count: usize| device("rack", Value::List(vec![Value::Null; count]));
        // One null less than in `bare`: the list replaces it.
        let mut largest = list(items);
        let room = RECORD_BYTES_MAX - record_bytes(&mut largest);
        assert!(room <= NODE_BYTES + 4, "{room}");
        assert_eq!(check_limits(&mut largest), Ok(()));
        assert!(matches!(check_limits(&mut list(items + 2)), Err(OverLimit::Record { .. })));
    }

    #[test]
    fn a_secret_has_the_same_size_encrypted_or_clear() {
        let mut credential = Credential::named(Name::parse("c".to_owned()).unwrap());
        credential.password = Field::Set(Secret::from_document("x".repeat(1000)));
        let clear = record_bytes(&mut credential);
        credential.password =
            Field::Set(Secret::Encrypted(vec![0; 1000 + ENCRYPTION_OVERHEAD_BYTES]));
        assert_eq!(record_bytes(&mut credential), clear);
        let encrypted =
            |bytes| Field::Set(Secret::Encrypted(vec![0; bytes + ENCRYPTION_OVERHEAD_BYTES]));
        credential.password = encrypted(TEXT_BYTES_MAX);
        assert_eq!(check_limits(&mut credential), Ok(()));
        credential.password = encrypted(TEXT_BYTES_MAX + 1);
        assert!(matches!(check_limits(&mut credential), Err(OverLimit::Text { .. })));
    }

    #[test]
    fn an_error_shortens_the_name_of_a_property() {
        let mut device = device(&"é".repeat(TEXT_BYTES_MAX / 2 + 1), Value::Null);
        let over = check_limits(&mut device).unwrap_err();
        assert!(over.to_string().len() < 300, "{over}");
        let map = Map::from_entries(vec![("k".repeat(TEXT_BYTES_MAX + 1).into(), Value::Null)]);
        assert!(checked("rack", Value::Map(map)).is_err());
    }
}
