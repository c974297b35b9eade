//! Parts of pages that are made from what they describe.
//!
//! A part stands in its page between `<!-- generated: NAME -->` and `<!-- /generated -->`.

use std::collections::BTreeMap;
use std::fs;

use super::console::steps;
use super::markdown::{Sort, blocks};
use super::{page, rest};
use crate::harness::{Server, satchel};

/// What the outputs in a part were before, by their commands: they are compared when they are run.
pub struct Outputs(BTreeMap<String, String>);

impl Outputs {
    fn of(text: &str) -> Self {
        let commands = blocks(text).into_iter().filter(|block| block.sort() == Sort::Commands);
        let steps = commands.flat_map(|block| steps(&block.body).unwrap());
        Self(steps.map(|step| (step.command, step.output)).collect())
    }

    /// A block with these commands, and what is known of what they print.
    pub fn block(&self, commands: &[&str]) -> String {
        let steps = commands.iter().map(|command| {
            let output = self.0.get(*command).map_or("", String::as_str);
            format!("$ {command}\n{output}")
        });
        format!("```console\n{}```\n", steps.collect::<String>())
    }
}

/// The page, the part, and what makes it.
type Part = (&'static str, &'static str, fn(&Server, &Outputs) -> String);

const PARTS: &[Part] = &[
    ("rest", "calls", rest::calls),
    ("rest", "bodies", rest::bodies),
    ("commands", "commands", commands),
    ("settings", "settings", settings),
];

/// Compares each part with what would be made now, or writes it.
pub fn check() {
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
            super::is_to_write(),
            "the part “{part}” of {name}.md is not what would be made now: run this test with \
             SATCHEL_DOCS_WRITE=1 and look at the difference"
        );
        fs::write(path, format!("{before}{begin}{made}<!-- /generated -->{after}")).unwrap();
    }
}

/// The table of all settings.
fn settings(_: &Server, _: &Outputs) -> String {
    let table = satchel().args(["config", "--markdown"]).output().unwrap();
    String::from_utf8(table.stdout).unwrap()
}

/// The help of every command.
fn commands(_: &Server, outputs: &Outputs) -> String {
    let help = satchel().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    // What goes on on a second line is set further in.
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
