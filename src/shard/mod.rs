//! One core's share of the server: a pure core, and the shell around it that has a thread.

pub mod core;
pub mod mail;
pub mod shell;
pub mod turn;

pub use shell::accept::balancer::Balancer;
pub use shell::accept::bind::{bind, bound_addr};
pub use shell::accept::keys::load_keys;
pub use shell::accept::listener::{Balance, Listener, MODE, MODE_MAX, Speaks};
pub use shell::thread::{Seed, Watch, run};
