//! Satchel: a network inventory in one file.
//!
//! One executable that holds users, groups, devices, files, links, services, networks, workflow
//! edges, tasks, credentials and pools as typed trees in an embedded database, behind an HTTP
//! server, and moves whole projects in and out as eNMS 4.x does.
//!
//! # The map
//!
//! The list starts with the lowest layer. A module can use the modules of the layers before its own.
//! Modules of one layer do not use each other. The test `tests/it/architecture.rs` checks this.
//!
//! | layer | module | contents |
//! |---|---|---|
//! | 1 | [`disk`] | files, folders and sorting on the disk; knows nothing about records |
//! | 1 | [`panics`] | turns panics of libraries into errors |
//! | 1 | [`wording`] | the wording of messages: numbers with their nouns, errors with their causes |
//! | 2 | [`console`] | the files of the web console in the executable |
//! | 2 | [`docs`] | the documentation pages in the executable |
//! | 2 | [`job`] | long operations: their progress, their cancellation, and the list of them |
//! | 2 | [`model`] | the kinds of records, their properties, relations and rules, without any I/O |
//! | 2 | [`tls`] | certificates and encrypted connections |
//! | 3 | [`audit`] | the audit log, and its messages to a syslog collector |
//! | 3 | [`codec`] | bytes ⇄ model: YAML, bundles, JSON, workbooks and the values of their cells |
//! | 3 | [`store`] | the inventory on the disk |
//! | 4 | [`access`] | logins and the rights of users |
//! | 5 | [`import`] | the steps of every import: plan, apply, report |
//! | 6 | [`inventory`] | single instances, queries, search and pools |
//! | 6 | [`migration`] | import and export of whole projects |
//! | 6 | [`topology`] | import and export of devices and links as workbooks |
//! | 7 | [`backup`] | backups: everything of a data directory in one file |
//! | 7 | [`feeds`] | devices and links in the formats of other tools |
//! | 8 | [`http`] | requests and responses; the only module that uses hyper |
//! | 9 | [`cli`] | the command line |
//! | 9 | [`config`] | the settings |
//!
//! # What always holds
//!
//! - An acknowledged change is on the disk ([`store`]).
//! - An import either succeeds completely or changes nothing.
//! - A damaged inventory is refused, or it reports its damage. It is never opened with other
//!   content, for example as an empty inventory. `satchel recover` uses [`store::Recovery`].
//! - A stored record never refers to a record that does not exist.
//! - A change and its history entry are saved together ([`store::HistoryView`]).
//! - Every stored secret is encrypted. Secrets appear only in the documents of a project
//!   ([`model::Secret`]).
//! - Input is not trusted. Every limit is a named constant. A request over a limit gets an error that
//!   names the limit.
//! - Blocking work never runs on an async thread. `http::blocking` runs all of it.
//!
//! # A walk through an import
//!
//! 1. `http::pipeline` reads `POST /rest/migrate/import`. It finds the route, the caller and the
//!    options (`http::options`), and calls the handler.
//! 2. The handler builds a [`migration::ImportRequest`] from the options. It calls
//!    [`migration::Migration::import`] on a thread for blocking work.
//! 3. The project is opened in the project library. Its documents are decoded on up to eight
//!    threads ([`codec::yaml`]). The results are records sorted by name and references sorted by
//!    target ([`import::Intake`], [`disk::Sorter`]).
//! 4. [`import::apply`] takes the write lock. It compares the references with the sorted names. This
//!    finds the rejected records and the dangling references.
//! 5. Kind by kind, existing records are merged with incoming records. The resulting record of each
//!    name is written into a new generation ([`store::Load`]). Pools and their members are written
//!    last.
//! 6. The generation is made durable, the pointer is switched to it, and the handler returns the
//!    report.
//!
//! # A walk through an export
//!
//! 1. [`migration::Migration::export`] takes a [`store::Snapshot`]: a consistent read view, while
//!    other changes continue.
//! 2. One thread decodes records and writes them in the format of PyYAML
//!    ([`codec::yaml::RecordWriter`]).
//! 3. Another thread compresses and hashes the documents into a bundle in the project library
//!    ([`codec::bundle::BundleWriter`]).
//! 4. When the bundle is complete and durable, its file is renamed to the project's name.
//!
//! # A walk through a job
//!
//! Imports, exports and verifications run as jobs (`http::operations`). Each job gets a
//! [`job::Progress`]. The operation reports its step and its number of records there, and stops if it
//! is cancelled. An import can be cancelled until its new generation is durable. Then the job's file
//! records the generation, and the pointer is switched. After a crash, [`job::Jobs::open`] compares
//! the two to find out whether the import took effect.
//!
//! # A walk through a change
//!
//! 1. The body of `POST /rest/instance/device` is parsed into objects ([`codec::json`]), which
//!    [`inventory::Inventory::put`] receives.
//! 2. Each object is parsed into a patch before the write lock is taken.
//! 3. Each patch is applied to the current record, with the earlier objects of the same request
//!    already applied.
//! 4. If the record has no error, it is written into a [`store::Transaction`]. The references that
//!    change with it and its pool memberships are written too, and the history entry of the change
//!    with the values before it.
//! 5. The transaction stays in memory until the committer applies it. The committer combines all
//!    waiting transactions into one transaction of sled and makes them durable together.
//!
//! # A walk through a command
//!
//! 1. `satchel import FILE` determines the type of FILE (`cli::input`) and the target
//!    (`cli::target`).
//! 2. For a data directory, the server runs inside the process of the command, with a random
//!    password. So every command is a client of the REST API (`cli::import_call`).
//! 3. The command renders the response (`cli::report`) or prints it unchanged.

pub mod disk;
pub mod panics;
pub mod wording;

pub mod console;
pub mod docs;
pub mod job;
pub mod model;
pub mod tls;

pub mod audit;
pub mod codec;
pub mod store;

pub mod access;

pub mod import;

pub mod inventory;
pub mod migration;
pub mod topology;

pub mod backup;
pub mod feeds;

pub mod http;

pub mod cli;
pub mod config;
