//! containerlab: a topology file.
//!
//! Source: `docs/manual/topo-def-file.md` and `schemas/clab.schema.json` of containerlab. The file is
//! JSON, which is YAML too. The inventory has no interfaces, so each link uses the next ones of its
//! nodes: `eth1`, `eth2` and so on.

use std::collections::HashMap;

use serde_json::json;

use super::text::yaml;
use crate::feeds::{
    feed::{Content, Feed, FeedRequest},
    option::FeedOption,
    report::LeftOut,
    writer::{End, FeedLink, FeedWriter, Host, NetworkNode, Output},
};

pub(in crate::feeds) const FEED: Feed = Feed {
    media_type: "application/yaml",
    content: Content::Topology,
    options: &[FeedOption::NodeKind, FeedOption::Image],
    required: &[FeedOption::NodeKind, FeedOption::Image],
    ..Feed::new(
        "containerlab",
        "containerlab: a lab with the devices and links. Networks at the ends of links are bridges.",
        |request: &FeedRequest| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let settings = &request.settings;
            Box::new(Containerlab {
                kind: text(&settings.node_kind),
                image: text(&settings.image),
                nodes: 0,
                links: 0,
                interfaces: HashMap::new(),
            })
        },
    )
};

struct Containerlab {
    kind: String,
    image: String,
    nodes: u64,
    links: u64,
    /// The last interface of each node.
    interfaces: HashMap<String, u32>,
}

impl Containerlab {
    fn node(&mut self, out: &mut Vec<u8>, host: &str, node: &serde_json::Value) {
        if self.nodes > 0 {
            out.extend_from_slice(b",\n");
        }
        self.nodes += 1;
        yaml(out, host);
        out.extend_from_slice(b": ");
        yaml(out, node);
    }

    fn end_of_link(&mut self, host: &str) -> String {
        let interface = self.interfaces.entry(host.to_owned()).or_default();
        *interface += 1;
        format!("{host}:eth{interface}")
    }
}

impl FeedWriter for Containerlab {
    fn begin(&mut self, out: &mut Vec<u8>, _version: u64) {
        let defaults = json!({"kind": self.kind, "image": self.image});
        out.extend_from_slice(b"{\"name\": \"satchel\", \"topology\": {\"defaults\": ");
        yaml(out, &defaults);
        out.extend_from_slice(b", \"nodes\": {");
    }

    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        self.node(out, host.host, &json!({"labels": {"satchel_name": host.name}}));
        Ok(())
    }

    fn network(&mut self, out: &mut Vec<u8>, network: &NetworkNode<'_>) {
        let labels = json!({"satchel_name": network.name});
        self.node(out, network.host, &json!({"kind": "bridge", "labels": labels}));
    }

    fn link(&mut self, out: &mut Vec<u8>, link: &FeedLink<'_>) {
        out.extend_from_slice(if self.links == 0 { b"}, \"links\": [" } else { b",\n" });
        self.links += 1;
        let ends = [self.end_of_link(link.source), self.end_of_link(link.destination)];
        yaml(out, &json!({ "endpoints": ends }));
    }

    fn end(&mut self, out: &mut dyn Output, _end: &End<'_>) {
        let end: &[u8] = if self.links == 0 { b"}}}\n" } else { b"]}}\n" };
        out.bytes().extend_from_slice(end);
    }
}
