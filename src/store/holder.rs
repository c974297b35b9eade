//! The holder of a data directory: the text of its file `LOCK`.
//!
//! ```text
//! satchel 1
//! pid 4711
//! command serve
//! url http://127.0.0.1:8080
//! end
//! ```
//!
//! The lock itself is `flock(2)` on the file. The text only informs other processes that find the file
//! locked. The holder writes it, and empties it when it ends. Readers take no lock and ignore a text
//! without its last line.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

/// The format of the text, in its first line.
const FORMAT_LINE: &str = "satchel 1";
const LAST_LINE: &str = "end";

/// The longest text that is read, in bytes. A command's name and a URL take less.
const TEXT_BYTES_MAX: u64 = 4096;

/// The command that starts a server.
const SERVE: &str = "serve";

/// The process that holds a data directory, as far as `LOCK` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockHolder {
    /// Its process id.
    pub pid: Option<u32>,
    /// Its subcommand of Satchel, such as `serve` or `import`.
    pub command: Option<String>,
    /// The URL of a listening server.
    pub url: Option<String>,
}

impl LockHolder {
    /// This process.
    pub(super) fn this(command: &str) -> Self {
        let pid = Some(std::process::id());
        Self { pid, command: Some(command.to_owned()), url: None }
    }

    /// Returns whether it is a server, listening or not.
    pub fn is_server(&self) -> bool {
        self.command.as_deref() == Some(SERVE)
    }

    /// Replaces the text of `LOCK`.
    ///
    /// # Errors
    /// Any error of writing the file.
    pub(super) fn write(&self, mut file: &File) -> io::Result<()> {
        let mut text = format!("{FORMAT_LINE}\n");
        if let Some(pid) = self.pid {
            text += &format!("pid {pid}\n");
        }
        if let Some(command) = &self.command {
            text += &format!("command {command}\n");
        }
        if let Some(url) = &self.url {
            text += &format!("url {url}\n");
        }
        text += LAST_LINE;
        text.push('\n');
        // One write, then the rest of a longer old text is truncated. A concurrent reader gets the
        // old or the new text, because it stops at the first last line.
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    }

    /// Reads the text. Returns an empty holder if the text is not valid.
    pub(super) fn read(mut file: &File) -> Self {
        let mut text = String::new();
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.take(TEXT_BYTES_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => Self::parse(&text).unwrap_or_default(),
            Err(_) => Self::default(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(FORMAT_LINE) {
            return None;
        }
        let mut holder = Self::default();
        for line in lines {
            // The values are shown on a terminal, so control characters are refused.
            if line == LAST_LINE || line.contains(char::is_control) {
                return (line == LAST_LINE).then_some(holder);
            }
            match line.split_once(' ') {
                Some(("pid", pid)) => holder.pid = pid.parse().ok(),
                Some(("command", command)) => holder.command = Some(command.to_owned()),
                Some(("url", url)) => holder.url = Some(url.to_owned()),
                // A line of a newer version.
                Some(_) | None => {}
            }
        }
        None
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.command, &self.url) {
            (_, Some(url)) => write!(f, "the server at {url}")?,
            (Some(_), None) if self.is_server() => write!(f, "a server that is starting")?,
            (Some(command), None) => write!(f, "the command satchel {command}")?,
            (None, None) => write!(f, "another process")?,
        }
        match self.pid {
            Some(pid) => write!(f, ", process {pid}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_holder_is_read_back_after_a_longer_one() {
        let file = tempfile::tempfile().unwrap();
        let server =
            LockHolder { url: Some("http://[::1]:8080".to_owned()), ..LockHolder::this("serve") };
        server.write(&file).unwrap();
        assert_eq!(LockHolder::read(&file), server);
        assert!(server.to_string().starts_with("the server at http://[::1]:8080, process "));
        let command = LockHolder::this("import");
        command.write(&file).unwrap();
        assert_eq!(LockHolder::read(&file), command);
        assert!(command.to_string().starts_with("the command satchel import, process "));
        file.set_len(0).unwrap();
        assert_eq!(LockHolder::read(&file), LockHolder::default());
        assert_eq!(LockHolder::default().to_string(), "another process");
    }

    #[test]
    fn truncated_and_foreign_texts_are_ignored() {
        for text in [
            "",
            "\u{0}\u{0}",
            "satchel 2\npid 1\nend\n",
            "satchel 1\npid 1\ncommand serve\n",
            "satchel 1\ncommand \u{1b}[2J\nend\n",
        ] {
            assert_eq!(LockHolder::parse(text), None, "{text:?}");
        }
        let parsed = LockHolder::parse("satchel 1\npid x\nnew thing\nend\nurl old\nend\n").unwrap();
        assert_eq!(parsed, LockHolder::default());
    }
}
