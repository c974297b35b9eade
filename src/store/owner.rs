//! The owner of a data directory. Everything in it belongs to that user and is readable by that user
//! only. A file of another user would prevent the server from starting.

use std::{fmt, fs, os::unix::fs::MetadataExt, path::Path};

use rustix::process::{getegid, geteuid};

/// The file of users, passwd(5). It is parsed here, because a statically linked executable cannot load
/// the NSS modules of the C library.
const USERS_FILE: &str = "/etc/passwd";

/// The user id of root.
const ROOT: u32 = 0;

/// The owner of a file: a user and its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOwner {
    /// The numeric id of the user.
    pub uid: u32,
    /// The numeric id of the group.
    pub gid: u32,
    /// `None` for a user without an entry in `/etc/passwd`, as in a container.
    name: Option<String>,
}

impl FileOwner {
    fn new(uid: u32, gid: u32) -> Self {
        let users = fs::read_to_string(USERS_FILE).unwrap_or_default();
        Self { uid, gid, name: name_of(&users, uid) }
    }

    /// The user who runs this process.
    pub fn caller() -> Self {
        Self::new(geteuid().as_raw(), getegid().as_raw())
    }

    /// The owner of a file or folder.
    pub fn of(metadata: &fs::Metadata) -> Self {
        Self::new(metadata.uid(), metadata.gid())
    }

    /// The owner of a data directory. If the directory belongs to root, as a container's volume can,
    /// the owner of the key file counts: nobody else can read the key.
    pub fn of_data_directory(path: &Path, metadata: &fs::Metadata) -> Self {
        let key = match metadata.uid() {
            ROOT => fs::metadata(path.join("key")).ok(),
            _ => None,
        };
        Self::of(key.as_ref().unwrap_or(metadata))
    }

    /// Returns whether the user is root, for whom the system checks no permissions.
    pub fn is_root(&self) -> bool {
        self.uid == ROOT
    }

    /// The user as an argument of `sudo -u`.
    pub fn sudo_word(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("'#{}'", self.uid),
        }
    }

    /// The user as an argument of `chown`.
    pub fn chown_word(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.uid.to_string())
    }
}

impl fmt::Display for FileOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "the user {name}"),
            None => write!(f, "the user with id {}", self.uid),
        }
    }
}

/// Returns the name of the first user with this id in the text of `/etc/passwd`.
fn name_of(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, number) = (parts.next()?, parts.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_id() {
        let users =
            "root:x:0:0::/root:/bin/sh\nbad line\n:x:7:7::/:/\nsatchel:x:998:998::/:/bin/false\n";
        assert_eq!(name_of(users, 998).as_deref(), Some("satchel"));
        for nobody in [1, 7, 99, u32::MAX] {
            assert_eq!(name_of(users, nobody), None, "{nobody}");
        }
        let nobody = FileOwner { uid: 1234, gid: 5, name: None };
        assert_eq!(nobody.to_string(), "the user with id 1234");
        assert_eq!((nobody.sudo_word(), nobody.chown_word()), ("'#1234'".into(), "1234".into()));
    }
}
