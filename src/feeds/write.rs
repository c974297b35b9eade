//! Writes a feed: reads the selection and gives each record to the writer.

use std::{borrow::Cow, collections::HashSet};

use super::{
    address::Address,
    error::FeedError,
    feed::{Content, FeedRequest},
    groups::Groups,
    host_names::HostNames,
    option::FeedOption,
    parameters::Wanted,
    report::{FeedReport, LeftOut},
    writer::{End, FeedLink, FeedWriter, Host, NetworkNode, Output},
};
use crate::{
    inventory::{Flow, InstanceRow, Inventory, RowState},
    model::{Kind, View},
};

/// The column of a table that is the name by the rule of the feed, and no property.
const HOST_COLUMN: &str = "host";

/// Writes a feed of the records that the principal of the inventory can read.
///
/// # Errors
/// [`FeedError::UnknownHost`] if the request is for one host that the selection does not have;
/// [`FeedError::Inventory`] for a wrong filter or property, and if the inventory cannot be read.
pub fn write(
    inventory: &Inventory,
    request: &FeedRequest,
    out: &mut dyn Output,
) -> Result<FeedReport, FeedError> {
    require_groups(inventory, request)?;
    let kinds: &[Kind] = match request.feed.content {
        Content::Hosts => &[Kind::Device],
        Content::Topology => &[Kind::Device, Kind::Network],
    };
    // The version is read before the records: a change in between can only be too new for it.
    let version = inventory.version()?;
    let names = HostNames::read(inventory, request.rule, kinds, &request.filters)?;
    let groups = Groups::read(inventory, request.feed.group_names, &request.groups)?;
    let report = FeedReport { feed: request.feed.name.into(), ..FeedReport::default() };
    let writer = (request.feed.writer)(request);
    let mut feed = Writing { request, names, groups, writer, report, selected: HashSet::new() };
    if request.wanted == Wanted::Feed {
        feed.writer.begin(out.bytes(), version);
    }
    if feed.devices(inventory, out)? == Flow::Stop {
        return Ok(feed.report);
    }
    if let Wanted::Host(host) = &request.wanted {
        return match feed.report.hosts {
            0 => Err(FeedError::UnknownHost { feed: request.feed.name, host: host.clone() }),
            _ => {
                out.bytes().push(b'\n');
                Ok(feed.report)
            }
        };
    }
    if request.feed.content == Content::Topology && feed.topology(inventory, out)? == Flow::Stop {
        return Ok(feed.report);
    }
    let Writing { groups, report, mut writer, .. } = feed;
    writer.end(out, &End { groups: &groups, report: &report });
    Ok(report)
}

/// Checks that the pools and networks of the filters exist.
fn require_groups(inventory: &Inventory, request: &FeedRequest) -> Result<(), FeedError> {
    for (property, name) in request.filters.iter().filter(|(_, name)| !name.is_empty()) {
        let (kind, parameter) = match property.as_str() {
            "pools" => (Kind::Pool, "pool"),
            "networks" => (Kind::Network, "network"),
            _ => continue,
        };
        if inventory.exact_type(kind, name)?.is_none() {
            return Err(FeedError::UnknownGroup { kind, name: name.clone(), parameter });
        }
    }
    Ok(())
}

/// The state of a feed that is being written.
struct Writing<'r> {
    request: &'r FeedRequest,
    names: HostNames,
    groups: Groups,
    writer: Box<dyn FeedWriter>,
    report: FeedReport,
    /// The names of the devices, to which links can lead. Empty for a feed without links.
    selected: HashSet<String>,
}

/// The columns of the devices, without repeated ones, and the positions of the values in them.
struct DeviceColumns {
    names: Vec<String>,
    properties: Vec<usize>,
    /// `None` for the name by the rule of the feed.
    vars: Vec<Option<usize>>,
    groups: Vec<(usize, usize)>,
}

impl DeviceColumns {
    /// The positions of the columns that every feed reads.
    const NAME: usize = 0;
    const ADDRESS: usize = 1;

    fn new(request: &FeedRequest, groups: &Groups) -> Self {
        let mut names = vec!["name".to_owned(), "ip_address".to_owned()];
        let mut position = |property: &str| match names.iter().position(|name| name == property) {
            Some(position) => position,
            None => {
                names.push(property.to_owned());
                names.len() - 1
            }
        };
        let properties = request.feed.properties.iter().map(|name| position(name)).collect();
        let groups = groups.columns().map(|(index, name)| (index, position(name))).collect();
        let vars = request
            .vars
            .iter()
            .map(|var| (var.property != HOST_COLUMN).then(|| position(&var.property)));
        let vars = vars.collect();
        let mac = request.settings.mac.as_deref().map(&mut position);
        let mut properties: Vec<usize> = properties;
        // The property with the MAC address is behind those of the feed.
        properties.extend(mac);
        Self { names, properties, vars, groups }
    }
}

impl Writing<'_> {
    /// Writes the devices of the selection.
    fn devices(&mut self, inventory: &Inventory, out: &mut dyn Output) -> Result<Flow, FeedError> {
        let columns = DeviceColumns::new(self.request, &self.groups);
        let request = self.request;
        let mut flow = Flow::Continue;
        inventory.query_columns(Kind::Device, &request.filters, &columns.names, &mut |row| {
            flow = self.device(&columns, row, out);
            flow
        })?;
        Ok(match request.wanted {
            Wanted::Feed => flow,
            // The search for one host stops when it is found.
            Wanted::Host(_) => Flow::Continue,
        })
    }

    fn device(
        &mut self,
        columns: &DeviceColumns,
        row: &InstanceRow<'_>,
        out: &mut dyn Output,
    ) -> Flow {
        let name = match row.properties.get(DeviceColumns::NAME) {
            Some((_, View::Text(name))) => *name,
            Some(_) | None => "",
        };
        if row.state == RowState::Damaged {
            self.report.leave_out(name, LeftOut::Damaged);
            return Flow::Continue;
        }
        let address = match row.properties.get(DeviceColumns::ADDRESS) {
            Some((_, View::Text(text))) => Address::parse(text),
            Some(_) | None => Address::None,
        };
        let host = match self.names.host(name, address) {
            Ok(host) => host.into_owned(),
            Err(reason) => {
                self.report.leave_out(name, reason);
                return Flow::Continue;
            }
        };
        if let Wanted::Host(wanted) = &self.request.wanted
            && *wanted != host
            && wanted != name
        {
            return Flow::Continue;
        }
        let written = self.host(columns, row, name, &host, address, out);
        match written {
            Ok(()) => self.count(name, &host),
            Err(reason) => self.report.leave_out(name, reason),
        }
        match self.request.wanted {
            Wanted::Feed => out.checkpoint(),
            Wanted::Host(_) => Flow::Stop,
        }
    }

    fn host(
        &mut self,
        columns: &DeviceColumns,
        row: &InstanceRow<'_>,
        name: &str,
        host: &str,
        address: Address<'_>,
        out: &mut dyn Output,
    ) -> Result<(), LeftOut> {
        let view = |position: usize| row.properties.get(position).map(|(_, view)| view);
        let values = columns.groups.iter();
        let values = values.filter_map(|(index, position)| Some((*index, view(*position)?)));
        let numbers = self.groups.of_device(name, values);
        let group_names: Vec<Cow<'_, str>> =
            numbers.iter().map(|number| self.groups.name(*number)).collect();
        let null = View::Null;
        let properties: Vec<_> =
            columns.properties.iter().map(|position| view(*position).unwrap_or(&null)).collect();
        let values: Vec<_> = columns
            .vars
            .iter()
            .map(|position| position.map(|position| view(position).unwrap_or(&null)))
            .collect();
        let shown = Host {
            name,
            host,
            address,
            names: &self.names,
            groups: &group_names,
            properties: &properties,
            vars: &self.request.vars,
            values: &values,
        };
        match self.request.wanted {
            Wanted::Feed => self.writer.host(out.bytes(), &shown)?,
            Wanted::Host(_) => self.writer.single(out.bytes(), &shown)?,
        }
        if self.request.feed.has(FeedOption::Groups) {
            self.groups.add(host, &numbers);
        }
        Ok(())
    }

    fn count(&mut self, name: &str, host: &str) {
        self.report.hosts += 1;
        if self.names.is_numbered(name) {
            self.report.number(name, host);
        }
        if self.request.feed.content == Content::Topology {
            self.selected.insert(name.to_owned());
        }
    }

    /// Writes the networks at the ends of links, and the links. A link is in the feed if one end is a
    /// device of the selection, and the other one too or a network.
    fn topology(&mut self, inventory: &Inventory, out: &mut dyn Output) -> Result<Flow, FeedError> {
        let mut ends: HashSet<String> = HashSet::new();
        each_link(inventory, |_, source, destination| {
            for (end, other) in [(source, destination), (destination, source)] {
                if self.selected.contains(end) && !self.selected.contains(other) {
                    ends.insert(other.to_owned());
                }
            }
            Flow::Continue
        })?;
        let mut networks: HashSet<String> = HashSet::new();
        if !ends.is_empty() {
            let columns = ["name".to_owned()];
            inventory.query_columns(Kind::Network, &[], &columns, &mut |row| {
                if let [(_, View::Text(name)), ..] = row.properties
                    && ends.contains(*name)
                {
                    let host = self.names.node(Kind::Network, name);
                    self.writer.network(out.bytes(), &NetworkNode { name, host: &host });
                    networks.insert((*name).to_owned());
                }
                out.checkpoint()
            })?;
        }
        let mut flow = Flow::Continue;
        each_link(inventory, |name, source, destination| {
            let kind = |end: &str| match end {
                _ if self.selected.contains(end) => Some(Kind::Device),
                _ if networks.contains(end) => Some(Kind::Network),
                _ => None,
            };
            let (Some(from), Some(to)) = (kind(source), kind(destination)) else {
                return Flow::Continue;
            };
            if from == Kind::Network && to == Kind::Network {
                return Flow::Continue;
            }
            let source = self.names.node(from, source);
            let destination = self.names.node(to, destination);
            let link = FeedLink { name, source: &source, destination: &destination };
            self.writer.link(out.bytes(), &link);
            self.report.links += 1;
            flow = out.checkpoint();
            flow
        })?;
        Ok(flow)
    }
}

/// Calls `each` with the name and both ends of every link that has them.
fn each_link(
    inventory: &Inventory,
    mut each: impl FnMut(&str, &str, &str) -> Flow,
) -> Result<(), FeedError> {
    let columns = ["name", "source", "destination"].map(str::to_owned);
    inventory.query_columns(Kind::Link, &[], &columns, &mut |row| match row.properties {
        [(_, View::Text(name)), (_, View::Text(source)), (_, View::Text(destination)), ..] => {
            each(name, source, destination)
        }
        _ => Flow::Continue,
    })?;
    Ok(())
}
