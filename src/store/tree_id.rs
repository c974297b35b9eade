//! The trees of a generation, and one value for each of them.

use std::ops::{Index, IndexMut};

use crate::model::{Kind, PerKind};

/// A tree of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TreeId {
    /// The records of a kind, by name.
    Kind(Kind),
    /// The references to each record, as packed lists.
    References,
    /// The members of computed pools, as packed lists.
    Members,
    /// The descriptions of the long texts.
    Texts,
    /// The content of the long texts, in chunks.
    Chunks,
    /// The changes, by the number of the first one that was committed together.
    History,
    /// The values before changes that are not inside these, by owner, key and the number of the change.
    Before,
    /// The summary and the identity of the generation.
    Meta,
}

impl TreeId {
    /// Returns every tree of a generation.
    pub(super) fn all() -> impl Iterator<Item = TreeId> {
        let others = [
            Self::References,
            Self::Members,
            Self::Texts,
            Self::Chunks,
            Self::History,
            Self::Before,
            Self::Meta,
        ]
        .into_iter();
        Kind::ALL.into_iter().map(TreeId::Kind).chain(others)
    }

    /// The name of the tree in the database. Messages about damage use it as the part of the store.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::References => "references",
            Self::Members => "members",
            Self::Texts => "texts",
            Self::Chunks => "chunks",
            Self::History => "history",
            Self::Before => "before",
            Self::Meta => "meta",
        }
    }

    /// Returns the tree with this name in the database.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::all().find(|tree| tree.name() == name)
    }

    /// Returns whether the keys of the tree are plain names, which a message can show.
    pub(super) fn has_plain_keys(self) -> bool {
        match self {
            Self::Kind(_) | Self::Texts | Self::Meta => true,
            Self::References | Self::Members | Self::Chunks | Self::History | Self::Before => false,
        }
    }
}

/// One value for each tree of a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PerTree<T> {
    kinds: PerKind<T>,
    references: T,
    members: T,
    texts: T,
    chunks: T,
    history: T,
    before: T,
    meta: T,
}

impl<T> PerTree<T> {
    /// Creates the value of each tree with `make`, which can fail.
    ///
    /// # Errors
    /// The first error of `make`.
    pub(super) fn try_new<X>(mut make: impl FnMut(TreeId) -> Result<T, X>) -> Result<Self, X> {
        Ok(Self {
            kinds: PerKind::try_new(|kind| make(TreeId::Kind(kind)))?,
            references: make(TreeId::References)?,
            members: make(TreeId::Members)?,
            texts: make(TreeId::Texts)?,
            chunks: make(TreeId::Chunks)?,
            history: make(TreeId::History)?,
            before: make(TreeId::Before)?,
            meta: make(TreeId::Meta)?,
        })
    }
}

impl<T> Index<TreeId> for PerTree<T> {
    type Output = T;

    fn index(&self, tree: TreeId) -> &T {
        match tree {
            TreeId::Kind(kind) => &self.kinds[kind],
            TreeId::References => &self.references,
            TreeId::Members => &self.members,
            TreeId::Texts => &self.texts,
            TreeId::Chunks => &self.chunks,
            TreeId::History => &self.history,
            TreeId::Before => &self.before,
            TreeId::Meta => &self.meta,
        }
    }
}

impl<T> IndexMut<TreeId> for PerTree<T> {
    fn index_mut(&mut self, tree: TreeId) -> &mut T {
        match tree {
            TreeId::Kind(kind) => &mut self.kinds[kind],
            TreeId::References => &mut self.references,
            TreeId::Members => &mut self.members,
            TreeId::Texts => &mut self.texts,
            TreeId::Chunks => &mut self.chunks,
            TreeId::History => &mut self.history,
            TreeId::Before => &mut self.before,
            TreeId::Meta => &mut self.meta,
        }
    }
}
