//! Parts of pages that are generated from the executable.
//!
//! A generated part is in its page between `<!-- generated: NAME -->` and `<!-- /generated -->`.

use std::collections::BTreeMap;
use std::fs;

use satchel::http::{describe, route_table};

use super::console::steps;
use super::markdown::{Sort, blocks};
use super::{page, rest};
use crate::harness::{Server, satchel};

/// The outputs in a part by their commands. They are compared when the page is run.
pub(super) struct Outputs(BTreeMap<String, String>);

impl Outputs {
    fn of(text: &str) -> Self {
        let commands = blocks(text).into_iter().filter(|block| block.sort() == Sort::Commands);
        let steps = commands.flat_map(|block| steps(&block.body).unwrap());
        Self(steps.map(|step| (step.command, step.output)).collect())
    }

    /// Returns a console block with these commands and their known outputs.
    pub(super) fn block(&self, commands: &[&str]) -> String {
        let steps = commands.iter().map(|command| {
            let output = self.0.get(*command).map_or("", String::as_str);
            format!("$ {command}\n{output}")
        });
        format!("```console\n{}```\n", steps.collect::<String>())
    }
}

/// The page, the part, and the function that generates it.
type Part = (&'static str, &'static str, fn(&Server, &Outputs) -> String);

const PARTS: &[Part] = &[
    ("rest", "calls", rest::calls),
    ("rest", "bodies", rest::bodies),
    ("commands", "commands", commands),
    ("settings", "settings", settings),
];

/// Compares `assets/openapi.json` with the description of the routes, or writes it. The server sends the file,
/// so it must be built again then.
fn check_openapi() {
    let path = super::root().join("assets/openapi.json");
    let made = serde_json::to_string_pretty(&describe(&route_table())).unwrap() + "\n";
    if fs::read_to_string(&path).is_ok_and(|there| there == made) {
        return;
    }
    assert!(
        super::writes_pages(),
        "assets/openapi.json is out of date: run this test with SATCHEL_DOCS_WRITE=1 and review the difference"
    );
    fs::write(path, made).unwrap();
}

/// Compares each part with its generated text, or writes it.
pub(super) fn check() {
    check_openapi();
    let server = Server::start();
    for (name, part, make) in PARTS {
        let path = page(name);
        let text = fs::read_to_string(&path).unwrap();
        let begin = format!("<!-- generated: {part} -->\n");
        let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{name}: {begin}"));
        let (there, after) = rest.split_once("<!-- /generated -->").unwrap();
        let made = format!("\n{}\n", make(&server, &Outputs::of(&text)).trim_end());
        if made == there {
            continue;
        }
        assert!(
            super::writes_pages(),
            "the part “{part}” of {name}.md is out of date: run this test with \
             SATCHEL_DOCS_WRITE=1 and review the difference"
        );
        fs::write(path, format!("{before}{begin}{made}<!-- /generated -->{after}")).unwrap();
    }
}

/// Generates the table of all settings.
fn settings(_: &Server, _: &Outputs) -> String {
    let table = satchel().args(["config", "--markdown"]).output().unwrap();
    String::from_utf8(table.stdout).unwrap()
}

/// Generates the help of every command.
fn commands(_: &Server, outputs: &Outputs) -> String {
    let help = satchel().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    // A continued description is indented further.
    let names = lines
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    let mut made = outputs.block(&["satchel --help"]);
    for name in names {
        made += &format!("\n## satchel {name}\n\n");
        made += &outputs.block(&[&format!("satchel {name} --help")]);
    }
    made
}
