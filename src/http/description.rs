//! The description of a route: its options, body and responses.
//!
//! The pipeline checks requests against it, and the OpenAPI description is made from it, so that
//! the two cannot differ.

/// The body that a route accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// No body. A body that a client sends is ignored. Only GET routes have this rule.
    Nothing,
    /// The call's options and nothing else: empty, JSON or a form, of at most
    /// [`OPTIONS_BYTES_MAX`]. The pipeline reads them before it calls the handler.
    Options,
    /// A file of at most `bytes_max` bytes, alone or as a part of a form. The other parts of the
    /// form are options, which the handler reads.
    File {
        /// The size limit in bytes.
        bytes_max: u64,
    },
    /// As [`BodyRule::Options`]; or, if the body has the media type of a file, as [`BodyRule::AtMost`].
    OptionsOrFile {
        /// The media type of a file.
        media_type: &'static str,
        /// The size limit of a file in bytes.
        bytes_max: u64,
    },
    /// At most `bytes_max` bytes of another kind. The call's options are in the query.
    AtMost {
        /// The size limit in bytes.
        bytes_max: u64,
    },
}

/// The size limit of a body that holds options, in bytes. The longest in the manual of eNMS has
/// a few hundred.
pub(super) const OPTIONS_BYTES_MAX: u64 = 1024 * 1024;

impl BodyRule {
    /// Returns the size limit of the body in bytes; `None` if the route accepts no body.
    pub(super) fn bytes_max(self) -> Option<u64> {
        match self {
            BodyRule::Nothing => None,
            BodyRule::Options => Some(OPTIONS_BYTES_MAX),
            BodyRule::File { bytes_max }
            | BodyRule::AtMost { bytes_max }
            | BodyRule::OptionsOrFile { bytes_max, .. } => Some(bytes_max),
        }
    }

    /// Returns the rule for a body with this media type: never [`BodyRule::OptionsOrFile`].
    pub(super) fn of_request(self, sent: Option<&[u8]>) -> Self {
        match self {
            BodyRule::OptionsOrFile { media_type, bytes_max } => {
                if sent == Some(media_type.as_bytes()) {
                    BodyRule::AtMost { bytes_max }
                } else {
                    BodyRule::Options
                }
            }
            rule => rule,
        }
    }
}

/// A group of routes in the OpenAPI description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// Instances, queries, search, configurations and pools.
    Inventory,
    /// Projects.
    Migration,
    /// Workbooks.
    Topology,
    /// Backups.
    Backup,
    /// Long-running operations.
    Jobs,
    /// The server itself.
    Site,
}

impl Tag {
    pub(super) const ALL: [Tag; 6] =
        [Tag::Inventory, Tag::Migration, Tag::Topology, Tag::Backup, Tag::Jobs, Tag::Site];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Tag::Inventory => "inventory",
            Tag::Migration => "migration",
            Tag::Topology => "topology",
            Tag::Backup => "backup",
            Tag::Jobs => "jobs",
            Tag::Site => "site",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Tag::Inventory => "Instances, queries, search, configurations and pools.",
            Tag::Migration => "Export and import of projects.",
            Tag::Topology => "Export and import of devices and links as a workbook.",
            Tag::Backup => "Backups: everything of the data directory in one file.",
            Tag::Jobs => {
                "Imports, exports, backups and verifications: progress, cancellation, outcome."
            }
            Tag::Site => "The server itself: front page, documentation, health and metrics.",
        }
    }
}

/// The description of one route.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The unique name of the operation, for generated clients and for metrics.
    pub operation: &'static str,
    /// The group in the OpenAPI description.
    pub tag: Tag,
    /// One sentence.
    pub summary: &'static str,
    /// The `{name}` segments of the pattern, in their order.
    pub path: &'static [PathParameter],
    /// The options that the query can contain.
    pub query: QueryRule,
    /// The bodies that the route accepts; empty if it accepts none.
    pub request: &'static [Content],
    /// The responses to successful requests, the usual one first. Problems are added to the OpenAPI
    /// description without an entry.
    pub responses: &'static [ResponseForm],
}

/// A `{name}` segment of a pattern.
#[derive(Clone, Copy, Debug)]
pub struct PathParameter {
    /// The name between the braces of the pattern.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// The accepted values.
    pub value: ValueType,
}

/// An option of a call. The parser, the OpenAPI description and the documentation all use this one
/// definition. A call that changes something accepts its options in the query, in a JSON body and in
/// a form; a GET call accepts them in the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallOption {
    /// The documented name.
    pub name: &'static str,
    /// Other accepted names of the option.
    pub aliases: &'static [&'static str],
    /// One sentence.
    pub about: &'static str,
    /// The accepted values.
    pub value: ValueType,
    /// Whether a call must contain the option.
    pub need: Need,
}

/// Tells whether a call needs an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A call without the option is refused.
    Required,
    /// A call without the option uses its default.
    Optional,
    /// Clients are known to send the option. It is checked, and has no effect on this call.
    Ignored,
}

impl CallOption {
    /// Returns an optional option without aliases.
    pub(super) const fn new(name: &'static str, about: &'static str, value: ValueType) -> Self {
        Self { name, aliases: &[], about, value, need: Need::Optional }
    }

    /// Returns the option with another need.
    pub(super) const fn need(self, need: Need) -> Self {
        Self { need, ..self }
    }

    /// Returns the option with another sentence about it.
    pub(super) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// Returns the name, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        [self.name].into_iter().chain(self.aliases.iter().copied())
    }
}

/// The type of the value of an option or a path parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Any text.
    Text,
    /// The name of a project.
    ProjectName,
    /// The name of a workbook.
    WorkbookName,
    /// The name of a stored backup.
    BackupName,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The word of a kind.
    Kind,
    /// An integer from 0.
    Whole,
    /// The number of a row, from 1.
    RowNumber,
    /// Headings and their properties: `a=b,c=d`, or a JSON object.
    Mapping,
    /// Headings, separated by commas, or a JSON list.
    Headings,
    /// A boolean; in a query also the name without a value, for true.
    Switch,
    /// A list of texts, in a query separated by commas.
    Texts,
    /// A non-empty list of kinds, in a query or a form separated by commas.
    Kinds,
}

/// The query that a route accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryRule {
    /// No query. A query that a client sends is ignored. Only GET routes have this rule.
    Nothing,
    /// These options; other parameters are refused.
    Known(&'static [CallOption]),
    /// Parameters of any name.
    Any {
        /// One sentence about the parameters.
        about: &'static str,
    },
}

impl QueryRule {
    /// Returns the options that the rule knows by name.
    pub fn options(self) -> &'static [CallOption] {
        match self {
            QueryRule::Known(options) => options,
            QueryRule::Nothing | QueryRule::Any { .. } => &[],
        }
    }
}

/// A body of one media type.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// The media type, as in `Content-Type`.
    pub media_type: &'static str,
    /// The content in this media type.
    pub shape: Shape,
}

/// The content of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text without a schema.
    Text,
    /// Bytes of a file.
    Bytes,
    /// A schema of the OpenAPI description, by its name.
    Schema(&'static str),
    /// A list of objects of a schema.
    List(&'static str),
    /// The options of the call. A schema of this name is made from their definitions.
    Options(&'static str),
}

/// One response of a route.
#[derive(Clone, Copy, Debug)]
pub struct ResponseForm {
    /// The HTTP status.
    pub status: u16,
    /// One sentence.
    pub about: &'static str,
    /// The body, once for each media type that a client can ask for; empty if there is no body.
    pub content: &'static [Content],
    /// The headers beyond those that every response can have.
    pub headers: &'static [ResponseHeader],
}

/// A response header that clients can use.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHeader {
    /// The name of the header.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
}

impl ResponseForm {
    /// Returns a response with the status 200.
    pub(super) const fn of(about: &'static str, content: &'static [Content]) -> Self {
        Self { status: 200, about, content, headers: &[] }
    }

    /// Returns the response with another status.
    pub(super) const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Returns the response with headers.
    pub(super) const fn headers(self, headers: &'static [ResponseHeader]) -> Self {
        Self { headers, ..self }
    }

    /// Returns a response without a body.
    pub(super) const fn empty(status: u16, about: &'static str) -> Self {
        Self { status, about, content: &[], headers: &[] }
    }
}

/// Returns a body in JSON.
pub(super) const fn json(shape: Shape) -> Content {
    Content { media_type: "application/json", shape }
}

/// Returns the bodies that hold only the options of a call. `schema` is the name of their schema.
pub(super) const fn options_bodies(schema: &'static str) -> [Content; 3] {
    let shape = Shape::Options(schema);
    [
        json(shape),
        Content { media_type: "application/x-www-form-urlencoded", shape },
        Content { media_type: "multipart/form-data", shape },
    ]
}
