//! Each scenario, small: against the server itself, and against one that breaks what is checked.
#![expect(clippy::unwrap_used, reason = "test support")]

mod client;
mod honest;
mod hostile;
mod liars;
mod run;
mod secure;
mod stand_in;
mod wire;
