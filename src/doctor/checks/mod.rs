//! The table of checks, by subject. The order is that of the report and of the page.

mod cores;
mod files;
mod memory;
mod network;
mod nics;
mod queues;

pub(super) use crate::doctor::checks::memory::tcp_mem_of;
use crate::doctor::{Check, Host, Judgement, Need, Remedy, Severity};

/// All checks.
pub(super) fn all() -> impl Iterator<Item = &'static Check> + Clone {
    let first = files::CHECKS.iter().chain(memory::CHECKS);
    let network = queues::CHECKS.iter().chain(network::CHECKS);
    first
        .chain(network)
        .chain(nics::CHECKS)
        .chain(cores::CHECKS)
}
