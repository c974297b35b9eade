//! Rights: what a principal can do. Each route of the server needs one of them.

use std::fmt;

/// A right. Each route declares the right that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Everybody who can connect has it, without a login.
    Public,
    /// To manage one's own tokens and sessions. No token has it.
    Own,
    /// To read records, configurations and their history.
    Read,
    /// To read what other programs collect regularly: the metrics.
    Feeds,
    /// To create and change records.
    Edit,
    /// To delete records.
    Delete,
    /// To follow and cancel jobs.
    Jobs,
    /// To export devices and links to workbooks.
    Export,
    /// To import projects and workbooks.
    Import,
    /// To export projects and make backups, which contain secrets, and to verify the inventory.
    Backup,
    /// To do everything else, such as to undo changes, and to delete projects and backups.
    Administer,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 11] = [
        Self::Public,
        Self::Own,
        Self::Read,
        Self::Feeds,
        Self::Edit,
        Self::Delete,
        Self::Jobs,
        Self::Export,
        Self::Import,
        Self::Backup,
        Self::Administer,
    ];

    /// The word for this right in messages and in the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Own => "own",
            Self::Read => "read",
            Self::Feeds => "feeds",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Jobs => "jobs",
            Self::Export => "export",
            Self::Import => "import",
            Self::Backup => "backup",
            Self::Administer => "administer",
        }
    }

    /// The position of this right in a set.
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Right {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rights(u16);

impl Rights {
    /// The rights of administrators.
    pub const ALL: Self = Self::of(&Right::ALL);

    /// The rights of a caller who has not logged in.
    pub const ANONYMOUS: Self = Self::of(&[Right::Public]);

    /// The rights of users who are not administrators.
    pub const USER: Self = Self::of(&[Right::Public, Right::Own, Right::Read, Right::Feeds]);

    /// The set of these rights.
    pub const fn of(rights: &[Right]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        // `for` is not allowed in a constant function.
        while at < rights.len() {
            bits |= rights[at].bit();
            at += 1;
        }
        Self(bits)
    }

    /// Returns whether the set contains a right.
    pub const fn contains(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// The set without a right.
    pub const fn without(self, right: Right) -> Self {
        Self(self.0 & !right.bit())
    }

    /// The rights that are in one of the sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The rights that are in both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The rights of the set.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.contains(*right))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_contains_exactly_its_rights() {
        let some = Rights::of(&[Right::Import, Right::Public]);
        assert_eq!(some.iter().collect::<Vec<_>>(), [Right::Public, Right::Import]);
        assert_eq!(Rights::ALL.iter().collect::<Vec<_>>(), Right::ALL);
        assert_eq!(Rights::of(&[]).iter().count(), 0);
        assert_eq!(some.without(Right::Import), Rights::ANONYMOUS);
        assert_eq!(some.intersection(Rights::USER), Rights::ANONYMOUS);
        assert_eq!(Rights::ANONYMOUS.union(Rights::of(&[Right::Import])), some);
    }

    #[test]
    fn rights_have_distinct_words() {
        let words: std::collections::HashSet<_> = Right::ALL.map(Right::as_str).into();
        assert_eq!(words.len(), Right::ALL.len());
    }
}
