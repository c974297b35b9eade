//! The options of feeds. Each feed lists the options that it has; every other parameter of a request
//! is a filter.

/// An option of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedOption {
    /// The rule for the names of hosts.
    Host,
    /// The properties of each host.
    Vars,
    /// The columns of a table.
    Columns,
    /// Other names of properties.
    As,
    /// The properties by whose values hosts are grouped.
    Groups,
    /// The port of each target.
    TargetPort,
    /// The domain of the hosts.
    Zone,
    /// The name server of the domain.
    NameServer,
    /// The property with the MAC address.
    Mac,
    /// The subnet of the reservations.
    Subnet,
    /// The part of a feed that has several files.
    File,
    /// The kind of a node.
    NodeKind,
    /// The image of a node.
    Image,
    /// The template of a host.
    Template,
    /// The report in place of the feed.
    Report,
}

impl FeedOption {
    /// The name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Vars => "vars",
            Self::Columns => "columns",
            Self::As => "as",
            Self::Groups => "groups",
            Self::TargetPort => "target_port",
            Self::Zone => "zone",
            Self::NameServer => "name_server",
            Self::Mac => "mac",
            Self::Subnet => "subnet",
            Self::File => "file",
            Self::NodeKind => "node_kind",
            Self::Image => "image",
            Self::Template => "template",
            Self::Report => "report",
        }
    }

    /// One sentence without its full stop.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Host => {
                "the names of the hosts: name (as in the inventory), slug (a-z, 0-9 and -) or ip"
            }
            Self::Vars => "the properties of each host, separated by commas",
            Self::Columns => {
                "the columns in their order, separated by commas; host is the name by the rule"
            }
            Self::As => "other names of properties, as property:name, separated by commas",
            Self::Groups => {
                "the properties by whose values hosts are grouped, separated by commas; also pools and \
                 networks"
            }
            Self::TargetPort => "the port of each target, from 1 to 65535",
            Self::Zone => "the domain of the hosts, such as net.example",
            Self::NameServer => {
                "the name server of the domain, such as ns1.net.example: a host of the feed, or one of \
                 another domain"
            }
            Self::Mac => "the property with the MAC address of a device",
            Self::Subnet => "the subnet of the reservations, such as 10.0.0.0/24",
            Self::File => "the file to write",
            Self::NodeKind => "the kind of every node",
            Self::Image => "the image of every node",
            Self::Template => "the template of every host",
            Self::Report => {
                "true for a report in place of the feed: the devices that are left out, and the hosts \
                 whose names have a number"
            }
        }
    }
}
