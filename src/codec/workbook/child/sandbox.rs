//! The restrictions of the child process: if a workbook makes it run foreign code, that code can neither open
//! a file nor reach the network.
//!
//! Landlock (Linux 5.13) refuses all paths, TCP ports and signals. seccomp refuses all system calls that
//! decoding does not make. Both last until the process ends. A kernel can lack one or both; then the others
//! still hold.

use std::{collections::BTreeMap, os::fd::RawFd, process};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope,
};
use schemars::JsonSchema;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};
use serde::Serialize;

/// The restrictions of the process that decodes workbooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "DecoderProtections")]
pub struct Protections {
    /// Landlock: no path can be opened, and no TCP port.
    pub landlock: Protection,
    /// seccomp: only the system calls that decoding makes.
    pub seccomp: Protection,
}

/// Whether the kernel enforces a restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DecoderProtection")]
pub enum Protection {
    /// Completely.
    Full,
    /// As far as this kernel can: an older version lacks a part.
    Partial,
    /// Not at all: the kernel does not have it, or a container forbids it.
    Missing,
}

impl Protection {
    /// All values with their words.
    pub(super) const WORDS: [(Self, &'static str); 3] =
        [(Self::Full, "full"), (Self::Partial, "partial"), (Self::Missing, "missing")];

    pub(super) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("missing", |(_, word)| word)
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
    }
}

/// The version of Landlock whose rights are asked for: the one of Linux 6.12, with signals and abstract
/// sockets.
const LANDLOCK: ABI = ABI::V6;

/// Refuses all paths, TCP ports and signals to other processes, for the rest of this process.
pub(super) fn enter_landlock() -> Protection {
    let restrict = || -> Result<RulesetStatus, RulesetError> {
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(LANDLOCK))?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?;
        // No rule: nothing is allowed.
        Ok(rules.create()?.restrict_self()?.ruleset)
    };
    match restrict() {
        Ok(RulesetStatus::FullyEnforced) => Protection::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Protection::Partial,
        Ok(RulesetStatus::NotEnforced) | Err(_) => Protection::Missing,
    }
}

/// Refuses all system calls but those of decoding, for the rest of this process. Reads are possible from
/// `file` only, and writes to `out` only, whatever other descriptors the process has. A refused call returns
/// EPERM.
pub(super) fn enter_seccomp(file: RawFd, out: RawFd) -> Protection {
    let Ok(program) = program(file, out) else { return Protection::Missing };
    match seccompiler::apply_filter(&program) {
        Ok(()) => Protection::Full,
        Err(_) => Protection::Missing,
    }
}

/// The system calls that decoding makes, whatever their arguments: memory, locks, signals, time, the end. None
/// of them names a file, a socket or another process.
const CALLS: [libc::c_long; 26] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    // The size of an open file. It takes a path too, but returns no content.
    libc::SYS_statx,
];

fn program(file: RawFd, out: RawFd) -> Result<BpfProgram, BackendError> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> =
        CALLS.iter().map(|call| (*call, Vec::new())).collect();
    for call in [libc::SYS_read, libc::SYS_pread64, libc::SYS_readv, libc::SYS_lseek] {
        calls.insert(call, vec![SeccompRule::new(vec![argument_is(0, file as u64)?])?]);
    }
    for call in [libc::SYS_write, libc::SYS_writev] {
        calls.insert(call, vec![SeccompRule::new(vec![argument_is(0, out as u64)?])?]);
    }
    // Rust's standard library checks descriptors in debug builds.
    let is_get = argument_is(1, libc::F_GETFD as u64)?;
    calls.insert(libc::SYS_fcntl, vec![SeccompRule::new(vec![is_get])?]);
    // Memory, but no code, and no file.
    let no_code = || has_bits(2, libc::PROT_EXEC, 0);
    let anonymous = has_bits(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?;
    calls.insert(libc::SYS_mmap, vec![SeccompRule::new(vec![no_code()?, anonymous])?]);
    calls.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![no_code()?])?]);
    // An abort is a signal of the process to itself. Its only thread has the number of the process.
    for call in [libc::SYS_tgkill, libc::SYS_tkill] {
        let is_own = argument_is(0, u64::from(process::id()))?;
        calls.insert(call, vec![SeccompRule::new(vec![is_own])?]);
    }
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(calls, refused, SeccompAction::Allow, arch)?.try_into()
}

fn argument_is(number: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(number, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// The condition that the bits `mask` of an argument have this value.
fn has_bits(
    number: u8,
    mask: libc::c_int,
    value: libc::c_int,
) -> Result<SeccompCondition, BackendError> {
    let operator = SeccompCmpOp::MaskedEq(mask as u64);
    SeccompCondition::new(number, SeccompCmpArgLen::Dword, operator, value as u64)
}
