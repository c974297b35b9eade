//! What a route says of itself, for the description at `/rest/openapi.json` and for the check of
//! queries: data beside the handler, so that neither can be forgotten.

/// Routes of one sort, as the description groups them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    Inventory,
    Migration,
    Topology,
    Jobs,
    Site,
}

impl Tag {
    pub(super) const ALL: [Tag; 5] =
        [Tag::Inventory, Tag::Migration, Tag::Topology, Tag::Jobs, Tag::Site];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Tag::Inventory => "inventory",
            Tag::Migration => "migration",
            Tag::Topology => "topology",
            Tag::Jobs => "jobs",
            Tag::Site => "site",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Tag::Inventory => "One instance, queries, search, configurations and pools.",
            Tag::Migration => "Whole projects in and out.",
            Tag::Topology => "Devices and links in and out, as a workbook.",
            Tag::Jobs => "Imports, exports and verifications: progress, cancellation, outcome.",
            Tag::Site => "What this server is, and whether it lives.",
        }
    }
}

/// All that is said of one route, beside what serves it.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The route's name in programs that are made from the description. No two have the same.
    pub operation: &'static str,
    pub tag: Tag,
    /// A sentence.
    pub summary: &'static str,
    /// What the pattern's `{name}` segments stand for.
    pub path: &'static [PathParameter],
    pub query: QueryRule,
    /// The forms of body that the route takes; none where it takes no body.
    pub request: &'static [Content],
    /// What a granted request is answered, first the usual one. Problems come by themselves.
    pub answers: &'static [AnswerForm],
}

/// A `{name}` segment of a pattern.
#[derive(Clone, Copy, Debug)]
pub struct PathParameter {
    pub name: &'static str,
    pub about: &'static str,
    pub value: ValueType,
}

/// A parameter of the query. None has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryParameter {
    pub name: &'static str,
    pub about: &'static str,
    pub value: ValueType,
}

/// What a parameter can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Text,
    /// The word of a kind.
    Kind,
    /// A whole number from 0.
    Whole,
    /// True or false, or the name alone.
    Switch,
    /// Texts with commas between them.
    Texts,
}

/// What a route's query may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryRule {
    /// Nothing. What is sent nevertheless is not looked at.
    Nothing,
    /// These parameters; others are refused.
    Known(&'static [QueryParameter]),
    /// Parameters of any name.
    Any { about: &'static str },
}

/// A body of one media type.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    pub media_type: &'static str,
    pub shape: Shape,
}

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    Bytes,
    /// A schema of the description.
    Schema(&'static str),
    /// A list of what a schema describes.
    List(&'static str),
}

/// One answer that a route gives.
#[derive(Clone, Copy, Debug)]
pub struct AnswerForm {
    pub status: u16,
    /// A sentence.
    pub about: &'static str,
    pub content: &'static [Content],
    pub headers: &'static [AnswerHeader],
}

/// A header of an answer that its reader may need.
#[derive(Clone, Copy, Debug)]
pub struct AnswerHeader {
    pub name: &'static str,
    pub about: &'static str,
}

impl AnswerForm {
    /// The usual answer, 200.
    pub(super) const fn of(about: &'static str, content: &'static [Content]) -> Self {
        Self { status: 200, about, content, headers: &[] }
    }

    /// The same with another status.
    pub(super) const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with headers.
    pub(super) const fn headers(self, headers: &'static [AnswerHeader]) -> Self {
        Self { headers, ..self }
    }

    /// An answer without a body.
    pub(super) const fn empty(status: u16, about: &'static str) -> Self {
        Self { status, about, content: &[], headers: &[] }
    }
}

/// One form in JSON.
pub(super) const fn json(shape: Shape) -> Content {
    Content { media_type: "application/json", shape }
}
