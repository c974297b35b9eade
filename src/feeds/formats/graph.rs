//! The topology as a graph: Graphviz, GraphML, Mermaid, Cytoscape and draw.io.
//!
//! Sources: "The DOT Language" of Graphviz, the primer of GraphML, "Flowcharts" of Mermaid, "Elements
//! JSON" of Cytoscape.js, and `mxCell` of mxGraph for draw.io.

use serde_json::json;

use super::text::{line, put, quoted, xml};
use crate::feeds::{
    feed::{Content, Feed, FeedRequest, JSON},
    parameters::NameRule,
    report::LeftOut,
    shown,
    slug::identifier,
    writer::{End, FeedLink, FeedWriter, Host, NetworkNode, Output},
};

const GRAPH: Feed = Feed {
    content: Content::Topology,
    rules: &[NameRule::Slug, NameRule::Name],
    ..Feed::new("", "", |_: &FeedRequest| Box::new(Graphviz))
};

pub(in crate::feeds) const GRAPHVIZ: Feed = Feed {
    name: "graphviz",
    about: "Graphviz: the devices and links as an undirected graph in DOT.",
    media_type: "text/vnd.graphviz; charset=utf-8",
    ..GRAPH
};

pub(in crate::feeds) const GRAPHML: Feed = Feed {
    name: "graphml",
    about: "GraphML for yEd, Gephi and networkx: the devices and links as an undirected graph.",
    media_type: "application/xml",
    writer: |_: &FeedRequest| Box::new(GraphMl { links: 0 }),
    ..GRAPH
};

pub(in crate::feeds) const MERMAID: Feed = Feed {
    name: "mermaid",
    about: "Mermaid, for Markdown pages and wikis: the devices and links as a flowchart.",
    rules: &[NameRule::Slug],
    writer: |_: &FeedRequest| Box::new(Mermaid),
    ..GRAPH
};

pub(in crate::feeds) const CYTOSCAPE: Feed = Feed {
    name: "cytoscape",
    about: "Cytoscape: the devices and links as elements in JSON.",
    media_type: JSON,
    writer: |_: &FeedRequest| Box::new(Cytoscape { nodes: 0, links: 0 }),
    ..GRAPH
};

pub(in crate::feeds) const DRAWIO: Feed = Feed {
    name: "drawio",
    about: "draw.io: a diagram of the devices and links, with the devices in a grid.",
    media_type: "application/xml",
    writer: |_: &FeedRequest| Box::new(DrawIo { nodes: 0, links: 0 }),
    ..GRAPH
};

struct Graphviz;

impl Graphviz {
    fn node(out: &mut Vec<u8>, host: &str, name: &str, shape: &str) {
        put!(out, "  {} [label={}, shape={shape}];\n", quoted(host), Self::label(name));
    }

    /// A label is a text with entities of HTML.
    fn label(name: &str) -> String {
        quoted(&name.replace('&', "&amp;"))
    }
}

impl FeedWriter for Graphviz {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.extend_from_slice(b"graph satchel {\n");
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        Self::node(out, host.host, host.name, "box");
        Ok(())
    }

    fn network(&mut self, out: &mut Vec<u8>, network: &NetworkNode<'_>) {
        Self::node(out, network.host, network.name, "ellipse");
    }

    fn link(&mut self, out: &mut Vec<u8>, link: &FeedLink<'_>) {
        let (source, destination) = (quoted(link.source), quoted(link.destination));
        put!(out, "  {source} -- {destination} [label={}];\n", Self::label(link.name));
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        out.bytes().extend_from_slice(b"}\n");
    }
}

struct GraphMl {
    links: u64,
}

impl GraphMl {
    fn node(out: &mut Vec<u8>, host: &str, name: &str, kind: &str) {
        put!(out, "<node id=\"{}\"><data key=\"name\">{}</data>", xml(&line(host)), xml(name));
        put!(out, "<data key=\"kind\">{kind}</data></node>\n");
    }
}

impl FeedWriter for GraphMl {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.extend_from_slice(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
              <graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n\
              <key id=\"name\" for=\"all\" attr.name=\"name\" attr.type=\"string\"/>\n\
              <key id=\"kind\" for=\"node\" attr.name=\"kind\" attr.type=\"string\"/>\n\
              <graph id=\"satchel\" edgedefault=\"undirected\">\n",
        );
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        Self::node(out, host.host, host.name, "device");
        Ok(())
    }

    fn network(&mut self, out: &mut Vec<u8>, network: &NetworkNode<'_>) {
        Self::node(out, network.host, network.name, "network");
    }

    fn link(&mut self, out: &mut Vec<u8>, link: &FeedLink<'_>) {
        self.links += 1;
        let (source, target) = (xml(&line(link.source)), xml(&line(link.destination)));
        put!(out, "<edge id=\"e{}\" source=\"{source}\" target=\"{target}\">", self.links);
        put!(out, "<data key=\"name\">{}</data></edge>\n", xml(link.name));
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        out.bytes().extend_from_slice(b"</graph>\n</graphml>\n");
    }
}

struct Mermaid;

impl Mermaid {
    /// An id that is no word of Mermaid, such as `end`.
    fn id(host: &str) -> String {
        format!("n_{}", identifier(host))
    }

    /// A text between quotation marks. Mermaid has codes for characters that are part of its syntax.
    fn label(text: &str) -> String {
        let mut label = String::from("\"");
        for c in line(text).chars() {
            if c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '.' | ',') || !c.is_ascii() {
                label.push(c);
            } else {
                label += &format!("#{};", u32::from(c));
            }
        }
        label.push('"');
        label
    }
}

impl FeedWriter for Mermaid {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.extend_from_slice(b"flowchart LR\n");
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        put!(out, "  {}[{}]\n", Self::id(host.host), Self::label(host.name));
        Ok(())
    }

    fn network(&mut self, out: &mut Vec<u8>, network: &NetworkNode<'_>) {
        put!(out, "  {}([{}])\n", Self::id(network.host), Self::label(network.name));
    }

    fn link(&mut self, out: &mut Vec<u8>, link: &FeedLink<'_>) {
        let (source, destination) = (Self::id(link.source), Self::id(link.destination));
        put!(out, "  {source} ---|{}| {destination}\n", Self::label(link.name));
    }
}

struct Cytoscape {
    nodes: u64,
    links: u64,
}

impl Cytoscape {
    fn node(&mut self, out: &mut Vec<u8>, host: &str, name: &str, kind: &str) {
        if self.nodes > 0 {
            out.extend_from_slice(b",\n");
        }
        self.nodes += 1;
        shown::json(out, &json!({"data": {"id": format!("n {host}"), "name": name, "kind": kind}}));
    }
}

impl FeedWriter for Cytoscape {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.extend_from_slice(b"{\"elements\":{\"nodes\":[");
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        self.node(out, host.host, host.name, "device");
        Ok(())
    }

    fn network(&mut self, out: &mut Vec<u8>, network: &NetworkNode<'_>) {
        self.node(out, network.host, network.name, "network");
    }

    fn link(&mut self, out: &mut Vec<u8>, link: &FeedLink<'_>) {
        out.extend_from_slice(if self.links == 0 { b"],\"edges\":[" } else { b",\n" });
        self.links += 1;
        // Nodes and edges share one space of ids.
        let id = format!("e {}", self.links);
        let (source, target) = (format!("n {}", link.source), format!("n {}", link.destination));
        let data = json!({"id": id, "source": source, "target": target, "name": link.name});
        shown::json(out, &json!({ "data": data }));
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        let edges = if self.links == 0 { "],\"edges\":[" } else { "" };
        put!(out.bytes(), "{edges}]}}}}\n");
    }
}

/// The number of devices in a row of the diagram, and the size of a cell in pixels.
const GRID_COLUMNS: u64 = 10;
const CELL_WIDTH: u64 = 200;
const CELL_HEIGHT: u64 = 120;

struct DrawIo {
    nodes: u64,
    links: u64,
}

impl DrawIo {
    fn node(&mut self, out: &mut Vec<u8>, host: &str, name: &str, style: &str) {
        let (x, y) = (self.nodes % GRID_COLUMNS, self.nodes / GRID_COLUMNS);
        self.nodes += 1;
        let (id, label) = (xml(&line(host)), xml(&line(name)));
        put!(
            out,
            "<mxCell id=\"n {id}\" value=\"{label}\" style=\"{style}\" vertex=\"1\" parent=\"1\">"
        );
        put!(out, "<mxGeometry x=\"{}\" y=\"{}\"", x * CELL_WIDTH, y * CELL_HEIGHT);
        out.extend_from_slice(b" width=\"140\" height=\"50\" as=\"geometry\"/></mxCell>\n");
    }
}

impl FeedWriter for DrawIo {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        out.extend_from_slice(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
              <mxfile><diagram name=\"Satchel\"><mxGraphModel><root>\n\
              <mxCell id=\"0\"/><mxCell id=\"1\" parent=\"0\"/>\n",
        );
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        self.node(out, host.host, host.name, "rounded=1;whiteSpace=wrap;");
        Ok(())
    }

    fn network(&mut self, out: &mut Vec<u8>, network: &NetworkNode<'_>) {
        self.node(out, network.host, network.name, "ellipse;whiteSpace=wrap;");
    }

    fn link(&mut self, out: &mut Vec<u8>, link: &FeedLink<'_>) {
        self.links += 1;
        let (source, target) = (xml(&line(link.source)), xml(&line(link.destination)));
        let label = xml(&line(link.name));
        put!(out, "<mxCell id=\"e {}\" value=\"{label}\" style=\"endArrow=none;\"", self.links);
        put!(out, " edge=\"1\" parent=\"1\" source=\"n {source}\" target=\"n {target}\">");
        out.extend_from_slice(b"<mxGeometry relative=\"1\" as=\"geometry\"/></mxCell>\n");
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        out.bytes().extend_from_slice(b"</root></mxGraphModel></diagram></mxfile>\n");
    }
}
