//! Satchel: a network inventory in one file.
//!
//! One executable that holds users, groups, devices, files, links, services, networks, workflow
//! edges, tasks, credentials and pools as typed trees in an embedded database, behind an HTTP
//! server, and moves whole projects in and out as eNMS 4.x does.
//!
//! # The map
//!
//! From the bottom to the top; each module may use what stands above it in this list, and modules
//! on one line do not know each other. A test (`tests/it/architecture.rs`) holds the sources
//! against it.
//!
//! | module | what it is |
//! |---|---|
//! | [`panics`], [`wording`], [`disk`] | panics of libraries as errors · how messages are worded: numbers with their noun, errors with their causes · files, folders and sorting, without any knowledge of records |
//! | [`model`], [`docs`], [`job`] | what exists: the kinds of record, their properties, relations and rules. Pure data · the pages inside · operations that take long: progress, cancellation, and the list of them |
//! | [`codec`], [`store`] | bytes ⇄ model: YAML, bundles, JSON, workbooks · the inventory on the disk |
//! | [`access`] | who may do what |
//! | [`import`] | what every import does: plan, apply, report |
//! | [`migration`] · [`topology`] · [`inventory`] | a whole project in or out · devices and links as a workbook · one instance, queries, search, pools |
//! | [`http`] | requests and answers; the only module that names hyper |
//! | [`cli`], [`config`] | the command line, and what can be set |
//!
//! # What always holds
//!
//! - What was acknowledged is on the disk ([`store`]); an import lands whole or changes nothing.
//! - A damaged inventory is refused or reports its damage. It is never opened as another one
//!   ([`store`]; `satchel recover` is [`store::Recovery`]).
//! - Nothing that is stored refers to a record that does not exist.
//! - No secret is written that is not sealed, and none is shown but in a project's documents
//!   ([`model::Secret`]).
//! - Nothing from outside is trusted: every limit is a named constant, and what is over it gets an
//!   answer that says so.
//! - Blocking work never runs on an async thread: it goes through one door (`http::blocking`).
//!
//! # A walk through an import
//!
//! `POST /rest/migrate/import` is read by `http::pipeline`, which finds the route, the caller and
//! the options (`http::options`), and calls the handler. That makes an
//! [`migration::ImportRequest`] of them and hands it to
//! [`migration::Migration::import`] on a thread that may block. The project is opened in the project
//! library. Its documents are decoded, two at a time, into records sorted by name and references
//! sorted by target ([`codec::yaml`], [`import::Intake`], [`disk::Sorter`]). [`import::apply`] does
//! the rest. It takes the write lock. References are compared with the sorted names, which tells the
//! rejected records and the dangling references. Then, kind by kind, existing records are merged
//! with incoming records, and the decision for each name is written into a new generation
//! ([`store::Load`]). The pools come last, with their members. The generation is made durable, the
//! pointer is switched to it, and the report is answered.
//!
//! # A walk through an export
//!
//! [`migration::Migration::export`] takes a [`store::Snapshot`], which shows one moment of the
//! inventory while changes go on. One thread decodes records and writes them as PyYAML would
//! ([`codec::yaml::RecordWriter`]); another packs and hashes the document into a bundle that lies
//! in the project library ([`codec::bundle::BundleWriter`]). When it is whole and durable it takes the
//! project's name.
//!
//! # A walk through a job
//!
//! Imports, exports and verifications run as jobs (`http::operations`). Each gets a
//! [`job::Progress`]: it reports its step and its records there, and ends when it was cancelled.
//! The last moment to cancel an import is after the new generation is durable. Then the job's file
//! names the generation, and the pointer is switched. After a kill, the pointer tells whether the
//! import had taken effect ([`job::Jobs::open`]).
//!
//! # A walk through a change
//!
//! `POST /rest/instance/device` is read into objects ([`codec::json`]) and goes to
//! [`inventory::Inventory::put`]. Each object is parsed into a patch before the write lock is taken.
//! Then the patch is applied to the record as the change has left it so far. Only if it has no fault
//! is the record written into a [`store::Transaction`], together with the references that follow it
//! and the pools that it joins or leaves. The transaction stays in memory until the committer
//! applies it with all others that arrived meanwhile, as one transaction of sled, and makes it
//! durable for all of them at once.
//!
//! # A walk through a command
//!
//! `satchel import FILE` finds out what FILE is (`cli::input`) and where it works (`cli::target`).
//! On a data directory the server runs within the command's own process, behind a password that
//! nobody is told; so from here on a command is a client of the REST API wherever it works
//! (`cli::import_call`), and renders the answer (`cli::report`) or prints it as it came.

pub mod disk;
pub mod panics;
pub mod wording;

pub mod docs;
pub mod job;
pub mod model;

pub mod codec;
pub mod store;

pub mod access;

pub mod import;

pub mod inventory;
pub mod migration;
pub mod topology;

pub mod http;

pub mod cli;
pub mod config;
