//! Settings from flags, the environment and a file, as the executable finds them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Server, satchel};

/// A settings file in its own folder.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = Self { folder };
        fs::write(file.path(), text).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("[Shared] x.toml")
    }

    fn name(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said, "");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    said
}

/// The value, the source and the line of a setting in the output of `satchel config --json`.
fn in_force(json: &str, name: &str) -> (Value, String, Option<u64>) {
    let json: Value = serde_json::from_str(json).unwrap();
    let settings = json["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {json}"));
    let source = found["source"].as_str().unwrap().to_owned();
    (found["value"].clone(), source, found["line"].as_u64())
}

#[test]
fn settings_sources_have_a_precedence() {
    let file = File::new(
        "# settings\nlisten = \"127.0.0.2:1\"\nconnections_max = 7\nlog = \"warn\"\nname = \"é>b\"\n",
    );
    let json = printed(
        satchel()
            .args(["config", "--json", "--listen", "127.0.0.4:3", "--config", &file.name()])
            .env("SATCHEL_LISTEN", "127.0.0.3:2")
            .env("SATCHEL_CONNECTIONS_MAX", "8"),
    );
    let all: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(all["file"], file.name().as_str());
    assert_eq!(in_force(&json, "listen"), ("127.0.0.4:3".into(), "flag".into(), None));
    assert_eq!(in_force(&json, "connections_max"), (8.into(), "environment".into(), None));
    assert_eq!(in_force(&json, "log"), ("warn".into(), "file".into(), Some(4)));
    assert_eq!(in_force(&json, "name"), ("é>b".into(), "file".into(), Some(5)));
    assert_eq!(in_force(&json, "cache_mib"), (128.into(), "default".into(), None));
    // The value of an absent name is the name that the server would use.
    let none = printed(satchel().args(["config", "--json"]));
    let (name, source, _) = in_force(&none, "name");
    assert_eq!(source, "default");
    assert!(!name.as_str().unwrap().is_empty());
}

#[test]
fn the_printed_settings_are_a_valid_settings_file() {
    let text = "name = \"a \\\"b\\\" '%' # \\\\ é\"\ndata = '/var/R 1%'\nhead_wait_ms = 5\n";
    let file = File::new(text);
    let first = printed(satchel().args(["config", "--config", &file.name(), "--log", "debug"]));
    let place = format!("# {}:3", file.name());
    let line = first.lines().find(|line| line.starts_with("head_wait_ms = 5 ")).unwrap();
    assert!(line.ends_with(&place), "{line}");
    let line = first.lines().find(|line| line.starts_with("log = \"debug\"")).unwrap();
    assert!(line.ends_with("# option --log"), "{line}");
    let again = File::new(&first);
    let second = printed(satchel().args(["config", "--config", &again.name()]));
    let values = |text: &str| -> Vec<(String, String)> {
        let table: toml::Table = text.parse().unwrap();
        table.into_iter().map(|(name, value)| (name, value.to_string())).collect()
    };
    assert_eq!(values(&first), values(&second));
    assert!(values(&first).len() >= 10, "{first}");
}

#[test]
fn the_server_uses_the_settings_of_the_file() {
    let file = File::new("name = \"R 1%\"\nlisten = \"203.0.113.1:1\"\ncache_mib = 16\n");
    // The harness passes --listen, which takes precedence over the file.
    let server = Server::start_with(&["--config", &file.name()]);
    let alive = server.request("GET", "/rest/is_alive").send();
    assert_eq!(alive.json()["name"], "R 1%", "{}", alive.json());
    let named = Server::start_with_environment(&[("SATCHEL_NAME", "..")]);
    assert_eq!(named.request("GET", "/rest/is_alive").send().json()["name"], "..");
}

#[test]
fn an_invalid_settings_file_is_refused_with_every_wrong_line() {
    let file = File::new("lisen = \"127.0.0.1:0\"\nlisten = 8080\n\ncache_mib = 1\n");
    let data = file.path().with_extension("data");
    let data = data.to_str().unwrap();
    for subcommand in [&["serve"][..], &["passwd", "admin"], &["config"]] {
        let said =
            refused(satchel().args(subcommand).args(["--data", data, "--config", &file.name()]));
        let place = |line: usize| format!("{}:{line}: ", file.name());
        assert!(said.contains(&(place(1) + "“lisen”")), "{said}");
        assert!(said.contains("Did you mean “listen”?"), "{said}");
        assert!(said.contains(&(place(2) + "“listen”")), "{said}");
        assert!(said.contains(&(place(4) + "“cache_mib”: invalid value “1”")), "{said}");
        assert!(said.contains("16..=65536"), "{said}");
    }
    assert!(!Path::new(data).exists());
    // These commands do not use the setting.
    for subcommand in ["licenses", "man"] {
        printed(satchel().args([subcommand, "--config", &file.name()]));
    }
    let missing = refused(satchel().args(["serve", "--config", "/nowhere/x.toml"]));
    assert!(missing.contains("/nowhere/x.toml"), "{missing}");
    let missing = refused(satchel().arg("serve").env("SATCHEL_CONFIG", "/nowhere/x.toml"));
    assert!(missing.contains("/nowhere/x.toml"), "{missing}");
}

#[test]
fn the_table_has_every_setting_in_a_row() {
    let table = printed(satchel().args(["config", "--markdown"]));
    let mut rows = table.lines();
    let columns = rows.next().unwrap().split(" | ").count();
    assert_eq!(columns, 6);
    assert!(rows.next().unwrap().starts_with("|---|"));
    let names: Vec<_> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
            assert_eq!(cells.len(), columns, "{row}");
            assert!(cells[5].len() > 5, "{row}");
            cells[0].trim_matches('`').to_owned()
        })
        .collect();
    assert!(names.is_sorted());
    for name in ["body_wait_ms", "cache_mib", "data", "listen", "log_format", "name"] {
        assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
    }
    assert!(!names.iter().any(|name| name == "config"));
    assert!(
        table.contains(
            "| `log_format` | `--log-format` | `SATCHEL_LOG_FORMAT` | `human`, `json` | `human` |"
        ),
        "{table}"
    );
    assert!(table.contains("| `connections_max` | `--connections-max` | `SATCHEL_CONNECTIONS_MAX` | `COUNT` | `512` |"), "{table}");
}
