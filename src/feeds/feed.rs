//! A feed, and a request for one.

use super::{
    groups::GroupNames,
    option::FeedOption,
    parameters::{Form, NameRule, Settings, Var, Wanted},
    slug::identifier,
    writer::FeedWriter,
};

/// The records of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Devices.
    Hosts,
    /// Devices, the links between them, and the networks at the ends of links.
    Topology,
}

/// The names that a format accepts for properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VarNames {
    /// Any text.
    Free,
    /// Letters, digits and `_`.
    Identifiers,
}

/// Tells whether a feed has an address for a single host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SingleHost {
    /// `/feeds/NAME/HOST` is the entry of one host.
    Served,
    /// The feed is always complete.
    Absent,
}

/// One feed.
#[derive(Debug)]
pub struct Feed {
    /// The name in the path.
    pub name: &'static str,
    /// One sentence about the format.
    pub about: &'static str,
    /// The media type of the response.
    pub media_type: &'static str,
    pub(super) content: Content,
    /// The accepted rules for names. The first is the default.
    pub(super) rules: &'static [NameRule],
    /// The options beyond `host` and `report`.
    pub(super) options: &'static [FeedOption],
    /// The options without which there is no feed.
    pub(super) required: &'static [FeedOption],
    /// The properties of devices that the writer reads.
    pub(super) properties: &'static [&'static str],
    /// The default of `vars` or `columns`.
    pub(super) vars: &'static [&'static str],
    pub(super) var_names: VarNames,
    /// The default of `groups`.
    pub(super) groups: &'static [&'static str],
    pub(super) group_names: GroupNames,
    /// The words of the option `file`. The first is the default.
    pub(super) files: &'static [&'static str],
    pub(super) single: SingleHost,
    pub(super) writer: fn(&FeedRequest) -> Box<dyn FeedWriter>,
}

impl Feed {
    /// A feed of devices in JSON with the defaults of most feeds. A format states what differs.
    pub(super) const fn new(
        name: &'static str,
        about: &'static str,
        writer: fn(&FeedRequest) -> Box<dyn FeedWriter>,
    ) -> Self {
        Self {
            name,
            about,
            media_type: TEXT,
            content: Content::Hosts,
            rules: &[NameRule::Slug],
            options: &[],
            required: &[],
            properties: &[],
            vars: &[],
            var_names: VarNames::Free,
            groups: &[],
            group_names: GroupNames::Slugs,
            files: &[],
            single: SingleHost::Absent,
            writer,
        }
    }

    /// The options of the feed.
    pub(super) fn all_options(&self) -> impl Iterator<Item = FeedOption> {
        let common = [FeedOption::Host, FeedOption::Report];
        common.into_iter().chain(self.options.iter().copied())
    }

    pub(super) fn option(&self, name: &str) -> Option<FeedOption> {
        self.all_options().find(|option| option.name() == name)
    }

    pub(super) fn has(&self, option: FeedOption) -> bool {
        self.all_options().any(|known| known == option)
    }
}

/// The media type of a text.
const TEXT: &str = "text/plain; charset=utf-8";
/// The media type of JSON.
pub(super) const JSON: &str = "application/json";

/// A request for a feed.
#[derive(Clone, Debug)]
pub struct FeedRequest {
    pub(super) feed: &'static Feed,
    pub(super) rule: NameRule,
    pub(super) vars: Vec<Var>,
    pub(super) groups: Vec<String>,
    pub(super) settings: Settings,
    pub(super) filters: Vec<(String, String)>,
    pub(super) wanted: Wanted,
    pub(super) form: Form,
}

impl VarNames {
    /// The name of a property by the rule of the target.
    pub(super) fn name(self, property: &str) -> String {
        match self {
            Self::Free => property.to_owned(),
            Self::Identifiers => {
                let name = identifier(property);
                match name.bytes().next() {
                    None => "property".to_owned(),
                    Some(first) if first.is_ascii_digit() => format!("_{name}"),
                    Some(_) => name,
                }
            }
        }
    }
}
