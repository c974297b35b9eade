//! Tables of chosen columns: CSV (RFC 4180), TSV and JSON.

use super::text::line;
use crate::feeds::{
    feed::{Feed, FeedRequest, JSON},
    option::FeedOption,
    parameters::{NameRule, Var},
    report::LeftOut,
    shown::{json, text, write_json},
    writer::{End, FeedWriter, Host, Output},
};

const COLUMNS: &[&str] =
    &["name", "ip_address", "port", "type", "vendor", "model", "operating_system", "location"];

const TABLE: Feed = Feed {
    rules: &[NameRule::Name, NameRule::Slug, NameRule::Ip],
    options: &[FeedOption::Columns, FeedOption::As],
    vars: COLUMNS,
    ..Feed::new("", "", |_: &FeedRequest| Box::new(Rows { rows: 0 }))
};

pub(in crate::feeds) const CSV_FEED: Feed = Feed {
    name: "csv",
    about: "A CSV table of the chosen columns, with their names or those of the option as.",
    media_type: "text/csv; charset=utf-8",
    writer: |request: &FeedRequest| Box::new(Csv { columns: request.vars.clone() }),
    ..TABLE
};

pub(in crate::feeds) const TSV_FEED: Feed = Feed {
    name: "tsv",
    about: "A table of the chosen columns with a tab between two values and no quotation marks.",
    media_type: "text/tab-separated-values; charset=utf-8",
    writer: |request: &FeedRequest| Box::new(Tsv { columns: request.vars.clone() }),
    ..TABLE
};

pub(in crate::feeds) const JSON_FEED: Feed = Feed {
    name: "json",
    about: "A JSON list of objects with the chosen columns.",
    media_type: JSON,
    ..TABLE
};

/// The memory for one line of CSV, in bytes. Longer lines are written in parts.
const LINE_BYTES: usize = 512;

struct Csv {
    columns: Vec<Var>,
}

impl Csv {
    fn line<'v>(out: &mut Vec<u8>, values: impl Iterator<Item = impl AsRef<[u8]> + 'v>) {
        let mut builder = csv::WriterBuilder::new();
        builder.terminator(csv::Terminator::CRLF).buffer_capacity(LINE_BYTES);
        let mut writer = builder.from_writer(out);
        let written = writer.write_record(values);
        debug_assert!(written.is_ok(), "writing to memory does not fail: {written:?}");
    }
}

impl FeedWriter for Csv {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        Self::line(out, self.columns.iter().map(|column| column.shown.as_str()));
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        Self::line(out, host.vars().map(|(_, value)| text(&value).into_owned()));
        Ok(())
    }
}

struct Tsv {
    columns: Vec<Var>,
}

impl Tsv {
    fn line<'v>(out: &mut Vec<u8>, values: impl Iterator<Item = impl AsRef<str> + 'v>) {
        for (number, value) in values.enumerate() {
            if number > 0 {
                out.push(b'\t');
            }
            out.extend_from_slice(line(value.as_ref()).as_bytes());
        }
        out.push(b'\n');
    }
}

impl FeedWriter for Tsv {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        Self::line(out, self.columns.iter().map(|column| column.shown.as_str()));
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        Self::line(out, host.vars().map(|(_, value)| text(&value).into_owned()));
        Ok(())
    }
}

struct Rows {
    rows: u64,
}

impl FeedWriter for Rows {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.push(b'[');
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        if self.rows > 0 {
            out.extend_from_slice(b",\n");
        }
        self.rows += 1;
        out.push(b'{');
        for (number, (name, value)) in host.vars().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            json(out, name);
            out.push(b':');
            write_json(out, &value);
        }
        out.push(b'}');
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        out.bytes().extend_from_slice(b"]\n");
    }
}
