//! The table of feeds.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    error::FeedError,
    feed::{Feed, SingleHost},
    formats,
    option::FeedOption,
};
use crate::model::nearest;

/// Every feed, in the order of the list.
pub const FEEDS: &[Feed] = &[
    formats::ansible::FEED,
    formats::prometheus::FEED,
    formats::oxidized::FEED,
    formats::oxidized::CSV,
    formats::rancid::FEED,
    formats::nornir::FEED,
    formats::hosts::FEED,
    formats::ssh_config::FEED,
    formats::table::CSV_FEED,
    formats::table::TSV_FEED,
    formats::table::JSON_FEED,
    formats::dns::DNSMASQ,
    formats::dns::BIND,
    formats::graph::GRAPHVIZ,
    formats::graph::GRAPHML,
    formats::graph::MERMAID,
    formats::monitoring::ICINGA,
    formats::monitoring::NAGIOS,
    formats::containerlab::FEED,
    formats::dhcp::KEA,
    formats::dhcp::DHCPD,
    formats::graph::CYTOSCAPE,
    formats::graph::DRAWIO,
    formats::mremoteng::FEED,
];

/// Returns the feed of a name.
///
/// # Errors
/// [`FeedError::UnknownFeed`] if there is none.
pub fn feed(name: &str) -> Result<&'static Feed, FeedError> {
    FEEDS.iter().find(|feed| feed.name == name).ok_or_else(|| FeedError::UnknownFeed {
        name: name.to_owned(),
        nearest: nearest(name, FEEDS.iter().map(|feed| feed.name)),
    })
}

impl Feed {
    /// Describes the feed and its options, for a terminal.
    pub fn describe(&self) -> String {
        let mut text = format!("{}\n  {}\n", self.name, self.about);
        for option in self.all_options().map(|option| OptionView::new(self, option)) {
            let OptionView { name, about, required, default, .. } = option;
            let note = match (required, default) {
                (true, _) => " [required]".to_owned(),
                (false, Some(default)) => format!(" [default: {default}]"),
                (false, None) => String::new(),
            };
            text += &format!("    {name:12} {about}{note}\n");
        }
        text
    }
}

/// The list of feeds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FeedList {
    /// The feeds.
    feeds: Vec<FeedView>,
}

/// A feed in the list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FeedView {
    /// The name in the path: `/feeds/NAME`.
    name: &'static str,
    /// The format.
    about: &'static str,
    /// The media type of the response.
    media_type: &'static str,
    /// True if `/feeds/NAME/HOST` is the entry of one host.
    single_host: bool,
    /// The options. Every other parameter is a filter: a property and its value.
    options: Vec<OptionView>,
}

/// An option of a feed in the list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OptionView {
    /// The name of the parameter.
    name: &'static str,
    /// The meaning.
    about: &'static str,
    /// True if the feed needs the option.
    required: bool,
    /// The default; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    /// The accepted words; absent if other values are accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<&'static str>,
}

impl FeedList {
    /// The list of all feeds.
    pub fn new() -> Self {
        Self { feeds: FEEDS.iter().map(FeedView::new).collect() }
    }
}

impl Default for FeedList {
    fn default() -> Self {
        Self::new()
    }
}

impl FeedView {
    fn new(feed: &'static Feed) -> Self {
        Self {
            name: feed.name,
            about: feed.about,
            media_type: feed.media_type,
            single_host: feed.single == SingleHost::Served,
            options: feed.all_options().map(|option| OptionView::new(feed, option)).collect(),
        }
    }
}

impl OptionView {
    fn new(feed: &Feed, option: FeedOption) -> Self {
        let rules = || feed.rules.iter().map(|rule| rule.as_str());
        let list = |list: &[&str]| (!list.is_empty()).then(|| list.join(","));
        Self {
            name: option.name(),
            about: option.about(),
            required: feed.required.contains(&option),
            default: match option {
                FeedOption::Host => rules().next().map(str::to_owned),
                FeedOption::Vars | FeedOption::Columns => list(feed.vars),
                FeedOption::Groups => list(feed.groups),
                FeedOption::File => feed.files.first().map(|file| (*file).to_owned()),
                _ => None,
            },
            values: match option {
                FeedOption::Host => rules().collect(),
                FeedOption::File => feed.files.to_vec(),
                _ => Vec::new(),
            },
        }
    }
}
