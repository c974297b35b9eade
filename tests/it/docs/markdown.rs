//! Finds the code blocks of a page.

use std::ops::Range;

/// A fenced code block.
#[derive(Debug)]
pub(super) struct Block {
    /// The info string after the first fence.
    pub info: String,
    pub body: String,
    /// The line of the first fence, from 1.
    pub line: usize,
    /// The position of the body in the page, in bytes.
    pub range: Range<usize>,
}

/// The use of a block in the tests.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// The block is run.
    Commands,
    /// The block is written to a file of this name, which commands then use.
    File(String),
    /// The block is only shown.
    Shown,
}

impl Block {
    pub(super) fn sort(&self) -> Sort {
        match self.info.split_once(' ') {
            Some((_, file)) => Sort::File(file.to_owned()),
            None if self.info == "console" => Sort::Commands,
            None => Sort::Shown,
        }
    }
}

/// Returns the blocks of a page, in order.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut at = 0;
    for (number, line) in page.split_inclusive('\n').enumerate() {
        let begin = at;
        at += line.len();
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(block)) => {
                block.range.end = begin;
                block.body = page[block.range.clone()].to_owned();
                blocks.extend(open.take());
            }
            (Some(info), None) => {
                let info = info.trim().to_owned();
                let range = at..at;
                open = Some(Block { info, body: String::new(), line: number + 1, range });
            }
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    blocks
}
