//! Where a login comes from.

use std::net::IpAddr;

/// The client of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginSource {
    /// The address whose failed logins are counted.
    pub address: IpAddr,
    /// The distance between the client and the server.
    pub distance: Distance,
}

/// The distance between a client and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// A program on this machine, at a server that no other machine can reach. Passwords that everybody
    /// knows work here only.
    SameMachineOnly,
    /// A program on this machine, at a server that other machines can reach as well. Failed logins never
    /// lock it, so that an attacker cannot lock the administrator out of the console.
    SameMachine,
    /// A program on another machine, or behind a proxy, which can serve any machine.
    Network,
}

impl LoginSource {
    /// Returns whether failed logins can lock this client.
    pub(super) fn can_be_locked(&self) -> bool {
        self.distance == Distance::Network
    }

    /// Returns whether a password that everybody knows is accepted from this client.
    pub fn accepts_public_passwords(&self) -> bool {
        self.distance == Distance::SameMachineOnly
    }
}
