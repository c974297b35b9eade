//! Builds values from tokens, like PyYAML's `parser.py`, `composer.py` and `constructor.py`.
//!
//! The functions are recursive. The limit on nesting levels prevents a stack overflow.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::anchor::{Anchors, Expansion, Origin};
use super::error::{ReadError, Rule};
use super::mapping::Entries;
use super::resolve::{
    Resolved, SequenceKind, check_mapping_tag, resolve_plain, resolve_tagged, sequence_kind,
};
use super::scanner::Scanner;
use super::token::{Mark, Tag, Token, TokenKind};
use super::{
    ALIAS_BYTES_MAX, ALIAS_BYTES_PER_BYTE_MAX, ANCHOR_BYTES_MAX, LARGE_RECORD_BYTES, NODE_BYTES,
    RECORD_BYTES_MAX,
};
use crate::model::{Value, python};

/// A plain scalar such as `22:30`, which YAML 1.1 reads as the number 1350.
#[derive(Clone, Debug, PartialEq)]
pub struct Respelled {
    /// The text in the document.
    pub written: String,
    /// The value that YAML reads.
    pub value: Value,
}

/// The style of the outermost list of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListStyle {
    /// One item a line, after `-`.
    Block,
    /// Items in brackets, separated by commas.
    Flow,
}

/// The position of the next entry of a flow collection. A comma precedes every entry but the first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FlowPosition {
    First,
    Later,
}

/// The context of a node. It determines which content is allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NodeContext {
    Flow,
    Block,
    /// In a block mapping, where the items of a list may have the indentation of the key.
    Entry,
}

/// A node of a document: its content, and the number of nesting levels in it.
struct Node {
    content: Resolved,
    /// The number of levels of collections, including the node itself.
    height: usize,
}

impl Node {
    fn null() -> Self {
        Self { content: Resolved::Value(Value::Null), height: 0 }
    }

    /// Returns the value. `<<` is a text if it is not a key.
    fn into_value(self) -> Value {
        match self.content {
            Resolved::Value(value) => value,
            Resolved::Merge => Value::from("<<"),
        }
    }
}

/// The anchor and tag before a node.
#[derive(Default)]
struct Properties {
    anchor: Option<(String, Mark)>,
    tag: Option<(Tag, Mark)>,
}

/// Builds the values of a document.
pub(super) struct Builder<'r> {
    pub(super) scanner: Scanner<'r>,
    anchors: Anchors,
    levels_max: usize,
    /// The size of the current record so far, in bytes.
    record_bytes: u64,
    /// Scalars of the current record that are spelled in an unusual way.
    pub(super) respelled: Vec<Respelled>,
    /// The lock of large records, held while the current record is large.
    large: Option<MutexGuard<'static, ()>>,
    /// The number of bytes to which aliases within their own record have expanded in this document.
    alias_bytes: u64,
    /// The number of bytes to which aliases to earlier records have expanded in this document.
    earlier_record_alias_bytes: u64,
}

/// Number of unusual spellings that are kept for a record, and the longest one in bytes. They are only
/// for warnings.
const RESPELLED_MAX: usize = 32;
const RESPELLED_BYTES_MAX: usize = 64;

/// The lock of the thread that reads a large record: see [`LARGE_RECORD_BYTES`].
pub(super) static LARGE_RECORD: Mutex<()> = Mutex::new(());

impl<'r> Builder<'r> {
    /// Returns a builder of values with at most `levels_max` levels of collections.
    pub(super) fn new(scanner: Scanner<'r>, levels_max: usize) -> Self {
        Self {
            scanner,
            anchors: Anchors::default(),
            levels_max,
            record_bytes: 0,
            respelled: Vec::new(),
            large: None,
            alias_bytes: 0,
            earlier_record_alias_bytes: 0,
        }
    }

    /// Reads one record, an item of the outermost list. `style` is the style of that list.
    pub(super) fn record(&mut self, style: ListStyle) -> Result<Value, ReadError> {
        self.record_bytes = 0;
        let node = match style {
            ListStyle::Block => self.node(NodeContext::Block, 1)?,
            ListStyle::Flow => self.flow_item(1)?,
        };
        Ok(self.anchors.finish_record(node.into_value()))
    }

    /// Releases the lock of large records, after the record has been passed on.
    pub(super) fn release(&mut self) {
        self.large = None;
    }

    /// Returns whether the next token is of a kind.
    pub(super) fn at(&mut self, is: impl Fn(&TokenKind) -> bool) -> Result<bool, ReadError> {
        Ok(is(&self.scanner.peek()?.kind))
    }

    /// Consumes the next token if it equals `kind`. Returns whether it did.
    pub(super) fn take(&mut self, kind: &TokenKind) -> Result<bool, ReadError> {
        let found = self.at(|next| next == kind)?;
        if found {
            self.scanner.next()?;
        }
        Ok(found)
    }

    /// Fails with a syntax error at the next token, which is not allowed here. Never returns `Ok`.
    pub(super) fn fail_at_next<T>(&mut self, problem: &'static str) -> Result<T, ReadError> {
        Err(self.scanner.peek()?.mark.syntax(problem))
    }

    /// Adds to the size of the record.
    fn count(&mut self, mark: Mark, bytes: u64) -> Result<(), ReadError> {
        self.record_bytes += bytes;
        if self.record_bytes > RECORD_BYTES_MAX {
            return Err(mark.refuse(Rule::RecordSize));
        }
        if self.record_bytes > LARGE_RECORD_BYTES && self.large.is_none() {
            self.large = Some(LARGE_RECORD.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }

    /// Reads a node. `level` is the nesting level of a collection that starts here.
    fn node(&mut self, context: NodeContext, level: usize) -> Result<Node, ReadError> {
        if self.at(|kind| matches!(kind, TokenKind::Alias(_)))? {
            return self.alias(level);
        }
        let Properties { anchor, tag } = self.properties()?;
        let Some((name, mark)) = anchor else { return self.content(context, level, tag, false) };
        let label = self.anchors.open(name).map_err(|rule| mark.refuse(rule))?;
        let bytes_before = self.record_bytes;
        let Node { content, height } = self.content(context, level, tag, true)?;
        let bytes = self.record_bytes - bytes_before;
        if bytes > ANCHOR_BYTES_MAX {
            return Err(mark.refuse(Rule::AnchorSize));
        }
        let content = match content {
            Resolved::Value(value) => {
                Resolved::Value(self.anchors.close(value, label, bytes, height))
            }
            Resolved::Merge => {
                self.anchors.close(Value::from("<<"), label, bytes, height);
                Resolved::Merge
            }
        };
        Ok(Node { content, height })
    }

    /// Skips a tag or an anchor of the outermost list. No alias can refer to the anchor, because the
    /// list ends with the document.
    pub(super) fn outer_properties(&mut self) -> Result<(), ReadError> {
        let Properties { anchor, tag } = self.properties()?;
        if let Some((name, mark)) = anchor {
            self.anchors.open(name).map_err(|rule| mark.refuse(rule))?;
        }
        match tag {
            Some((Tag::Core(name), _)) if name == "seq" => Ok(()),
            None | Some((Tag::NonSpecific, _)) => Ok(()),
            Some((tag, mark)) => {
                let rule = Rule::TagMismatch { tag: tag.spelled(), found: "a list of records" };
                Err(mark.refuse(rule))
            }
        }
    }

    /// Reads the anchor and tag of a node, in any order.
    fn properties(&mut self) -> Result<Properties, ReadError> {
        let mut found = Properties::default();
        loop {
            let is_property = match self.scanner.peek()?.kind {
                TokenKind::Anchor(_) => found.anchor.is_none(),
                TokenKind::Tag(_) => found.tag.is_none(),
                _ => false,
            };
            if !is_property {
                return Ok(found);
            }
            let Token { kind, mark } = self.scanner.next()?;
            match kind {
                TokenKind::Anchor(name) => found.anchor = Some((name, mark)),
                TokenKind::Tag(tag) => found.tag = Some((tag, mark)),
                _ => return Err(mark.syntax("a value is missing here")),
            }
        }
    }

    /// Reads an alias, and returns a copy of its value.
    fn alias(&mut self, level: usize) -> Result<Node, ReadError> {
        let Token { kind, mark } = self.scanner.next()?;
        let TokenKind::Alias(name) = kind else {
            return Err(mark.syntax("an alias is missing here"));
        };
        let Expansion { bytes, height, origin } =
            self.anchors.measure(&name).map_err(|rule| mark.refuse(rule))?;
        self.count(mark, bytes)?;
        let read = self.scanner.source.bytes_read();
        let (expanded, bytes_max) = match origin {
            Origin::SameRecord => (&mut self.alias_bytes, ALIAS_BYTES_MAX),
            Origin::EarlierRecord => (
                &mut self.earlier_record_alias_bytes,
                LARGE_RECORD_BYTES + read * ALIAS_BYTES_PER_BYTE_MAX,
            ),
        };
        *expanded += bytes;
        if *expanded > bytes_max {
            return Err(mark.refuse(Rule::Expansion));
        }
        if height > 0 {
            self.check_level(mark, level + height - 1)?;
        }
        let value = self.anchors.copy(&name).map_err(|rule| mark.refuse(rule))?;
        Ok(Node { content: Resolved::Value(value), height })
    }

    fn check_level(&self, mark: Mark, level: usize) -> Result<(), ReadError> {
        if level > self.levels_max {
            return Err(mark.refuse(Rule::Depth { levels_max: self.levels_max }));
        }
        Ok(())
    }

    /// Reads the content after anchor and tag.
    fn content(
        &mut self,
        context: NodeContext,
        level: usize,
        tag: Option<(Tag, Mark)>,
        has_anchor: bool,
    ) -> Result<Node, ReadError> {
        let token = self.scanner.peek()?;
        let mark = token.mark;
        let block = context != NodeContext::Flow;
        match token.kind {
            TokenKind::Scalar { .. } => self.scalar(tag),
            TokenKind::FlowSequenceStart => self.sequence(mark, level, tag, Self::flow_sequence),
            TokenKind::FlowMappingStart => self.mapping(mark, level, tag, Self::flow_mapping),
            TokenKind::BlockSequenceStart if block => {
                self.sequence(mark, level, tag, Self::block_sequence)
            }
            TokenKind::BlockMappingStart if block => {
                self.mapping(mark, level, tag, Self::block_mapping)
            }
            TokenKind::BlockEntry if context == NodeContext::Entry => {
                self.sequence(mark, level, tag, Self::indentless_sequence)
            }
            _ if has_anchor || tag.is_some() => self.resolve(mark, tag, String::new(), true),
            _ => Err(mark.syntax("a value is missing here")),
        }
    }

    fn scalar(&mut self, tag: Option<(Tag, Mark)>) -> Result<Node, ReadError> {
        let Token { kind, mark } = self.scanner.next()?;
        match kind {
            TokenKind::Scalar { text, plain } => self.resolve(mark, tag, text, plain),
            _ => Err(mark.syntax("a value is missing here")),
        }
    }

    fn resolve(
        &mut self,
        mark: Mark,
        tag: Option<(Tag, Mark)>,
        text: String,
        plain: bool,
    ) -> Result<Node, ReadError> {
        self.count(mark, NODE_BYTES + text.len() as u64)?;
        let content = match tag {
            Some((tag, mark)) => resolve_tagged(&tag, text).map_err(|rule| mark.refuse(rule))?,
            None if plain => {
                let written = (text.len() <= RESPELLED_BYTES_MAX).then(|| text.clone());
                let resolved = resolve_plain(text).map_err(|rule| mark.refuse(rule))?;
                self.note_respelled(written, &resolved);
                resolved
            }
            None => Resolved::Value(Value::Text(text)),
        };
        Ok(Node { content, height: 0 })
    }

    /// Remembers a scalar whose value Python spells differently.
    fn note_respelled(&mut self, written: Option<String>, resolved: &Resolved) {
        let Resolved::Value(value) = resolved else { return };
        let spelled = match value {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => python::float_repr(*number),
            Value::Bool(value) => value.to_string(),
            _ => return,
        };
        if let Some(written) = written
            && written != spelled
            && self.respelled.len() < RESPELLED_MAX
        {
            self.respelled.push(Respelled { written, value: value.clone() });
        }
    }

    fn sequence(
        &mut self,
        mark: Mark,
        level: usize,
        tag: Option<(Tag, Mark)>,
        read: fn(&mut Self, usize, &mut Items) -> Result<(), ReadError>,
    ) -> Result<Node, ReadError> {
        let tag_mark = tag.as_ref().map_or(mark, |(_, mark)| *mark);
        let kind = sequence_kind(tag.as_ref().map(|(tag, _)| tag));
        let kind = kind.map_err(|rule| tag_mark.refuse(rule))?;
        self.check_level(mark, level)?;
        self.count(mark, NODE_BYTES)?;
        let mut items = Items::default();
        read(self, level + 1, &mut items)?;
        let value = match kind {
            SequenceKind::List => Value::List(items.values),
            SequenceKind::Tuple => Value::Tuple(items.values),
        };
        Ok(Node { content: Resolved::Value(value), height: items.height + 1 })
    }

    fn mapping(
        &mut self,
        mark: Mark,
        level: usize,
        tag: Option<(Tag, Mark)>,
        read: fn(&mut Self, usize, &mut Pairs) -> Result<(), ReadError>,
    ) -> Result<Node, ReadError> {
        if let Some((tag, mark)) = &tag {
            check_mapping_tag(Some(tag)).map_err(|rule| mark.refuse(rule))?;
        }
        self.check_level(mark, level)?;
        self.count(mark, NODE_BYTES)?;
        let mut pairs = Pairs::default();
        read(self, level + 1, &mut pairs)?;
        let map = pairs.entries.finish().map_err(|rule| mark.refuse(rule))?;
        Ok(Node { content: Resolved::Value(Value::Map(map)), height: pairs.height + 1 })
    }

    fn block_sequence(&mut self, level: usize, items: &mut Items) -> Result<(), ReadError> {
        self.scanner.next()?;
        while self.take(&TokenKind::BlockEntry)? {
            let is_empty =
                self.at(|kind| matches!(kind, TokenKind::BlockEntry | TokenKind::BlockEnd))?;
            items.push(self.node_or_null(is_empty, NodeContext::Block, level)?);
        }
        if !self.take(&TokenKind::BlockEnd)? {
            return self.fail_at_next("expected the next entry of the list, or its end");
        }
        Ok(())
    }

    fn indentless_sequence(&mut self, level: usize, items: &mut Items) -> Result<(), ReadError> {
        while self.take(&TokenKind::BlockEntry)? {
            let is_empty = self.at(|kind| {
                matches!(
                    kind,
                    TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
                )
            })?;
            items.push(self.node_or_null(is_empty, NodeContext::Block, level)?);
        }
        Ok(())
    }

    fn block_mapping(&mut self, level: usize, pairs: &mut Pairs) -> Result<(), ReadError> {
        let ends = |kind: &TokenKind| {
            matches!(kind, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd)
        };
        self.scanner.next()?;
        while self.take(&TokenKind::Key)? {
            let mark = self.scanner.peek()?.mark;
            let is_empty = self.at(ends)?;
            let key = self.node_or_null(is_empty, NodeContext::Entry, level)?;
            pairs.key(mark, &key)?;
            let is_empty = !self.take(&TokenKind::Value)? || self.at(ends)?;
            let value = self.node_or_null(is_empty, NodeContext::Entry, level)?;
            pairs.push(mark, key, value)?;
        }
        if !self.take(&TokenKind::BlockEnd)? {
            return self.fail_at_next("expected the next key of the mapping, or its end");
        }
        Ok(())
    }

    fn flow_sequence(&mut self, level: usize, items: &mut Items) -> Result<(), ReadError> {
        self.scanner.next()?;
        let mut position = FlowPosition::First;
        while self.has_next_flow_entry(position, &TokenKind::FlowSequenceEnd)? {
            position = FlowPosition::Later;
            items.push(self.flow_item(level)?);
        }
        Ok(())
    }

    /// Reads an item of a flow list: a node, or a mapping with one entry.
    fn flow_item(&mut self, level: usize) -> Result<Node, ReadError> {
        if self.at(|kind| *kind == TokenKind::Key)? {
            self.flow_pair(level)
        } else {
            self.node(NodeContext::Flow, level)
        }
    }

    /// Consumes the comma before the next entry of a flow collection, or the end of the collection.
    /// Returns whether another entry follows.
    pub(super) fn has_next_flow_entry(
        &mut self,
        position: FlowPosition,
        end: &TokenKind,
    ) -> Result<bool, ReadError> {
        if self.take(end)? {
            return Ok(false);
        }
        if position == FlowPosition::Later && !self.take(&TokenKind::FlowEntry)? {
            return self.fail_at_next("expected a comma or the closing bracket");
        }
        Ok(!self.take(end)?)
    }

    /// Reads `a: b` in a flow list: a mapping with one entry.
    fn flow_pair(&mut self, level: usize) -> Result<Node, ReadError> {
        let mark = self.scanner.peek()?.mark;
        self.mapping(mark, level, None, |builder, level, pairs| {
            builder.flow_entry(level, pairs, &TokenKind::FlowSequenceEnd)
        })
    }

    fn flow_mapping(&mut self, level: usize, pairs: &mut Pairs) -> Result<(), ReadError> {
        self.scanner.next()?;
        let mut position = FlowPosition::First;
        while self.has_next_flow_entry(position, &TokenKind::FlowMappingEnd)? {
            position = FlowPosition::Later;
            if self.at(|kind| *kind == TokenKind::Key)? {
                self.flow_entry(level, pairs, &TokenKind::FlowMappingEnd)?;
            } else {
                let mark = self.scanner.peek()?.mark;
                let key = self.node(NodeContext::Flow, level)?;
                pairs.key(mark, &key)?;
                let value = self.node_or_null(true, NodeContext::Flow, level)?;
                pairs.push(mark, key, value)?;
            }
        }
        Ok(())
    }

    /// Reads one entry that starts with a key, in a collection that ends with `end`.
    fn flow_entry(
        &mut self,
        level: usize,
        pairs: &mut Pairs,
        end: &TokenKind,
    ) -> Result<(), ReadError> {
        self.scanner.next()?;
        let ends = |kind: &TokenKind| *kind == TokenKind::FlowEntry || kind == end;
        let mark = self.scanner.peek()?.mark;
        let is_empty = self.at(|kind| *kind == TokenKind::Value || ends(kind))?;
        let key = self.node_or_null(is_empty, NodeContext::Flow, level)?;
        pairs.key(mark, &key)?;
        let is_empty = !self.take(&TokenKind::Value)? || self.at(ends)?;
        let value = self.node_or_null(is_empty, NodeContext::Flow, level)?;
        pairs.push(mark, key, value)
    }

    /// Reads a node. Returns null instead if `is_empty`, which means that the node has no content.
    fn node_or_null(
        &mut self,
        is_empty: bool,
        context: NodeContext,
        level: usize,
    ) -> Result<Node, ReadError> {
        if !is_empty {
            return self.node(context, level);
        }
        let mark = self.scanner.source.mark();
        self.count(mark, NODE_BYTES)?;
        Ok(Node::null())
    }
}

/// The items of the list that is being read.
#[derive(Default)]
struct Items {
    values: Vec<Value>,
    height: usize,
}

impl Items {
    fn push(&mut self, node: Node) {
        self.height = self.height.max(node.height);
        self.values.push(node.into_value());
    }
}

/// The entries of the mapping that is being read.
#[derive(Default)]
struct Pairs {
    entries: Entries,
    height: usize,
}

impl Pairs {
    fn key(&mut self, mark: Mark, key: &Node) -> Result<(), ReadError> {
        match &key.content {
            Resolved::Value(value) => {
                self.entries.check_key(value).map_err(|rule| mark.refuse(rule))
            }
            Resolved::Merge => Ok(()),
        }
    }

    fn push(&mut self, mark: Mark, key: Node, value: Node) -> Result<(), ReadError> {
        self.height = self.height.max(key.height).max(value.height);
        let value = value.into_value();
        match key.content {
            Resolved::Value(key) => self.entries.push(key, value),
            Resolved::Merge => {
                self.entries.merge(value).map_err(|rule| mark.refuse(rule))?;
            }
        }
        Ok(())
    }
}
