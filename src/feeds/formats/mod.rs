//! The writers, one file for each family of formats. Each file has the entries of its feeds in the
//! table.

pub(super) mod ansible;
pub(super) mod containerlab;
pub(super) mod dhcp;
pub(super) mod dns;
pub(super) mod graph;
pub(super) mod hosts;
pub(super) mod monitoring;
pub(super) mod mremoteng;
pub(super) mod nornir;
pub(super) mod oxidized;
mod platform;
pub(super) mod prometheus;
pub(super) mod rancid;
pub(super) mod ssh_config;
pub(super) mod table;
mod text;
