//! The program as a whole: against the floor, against the server, and against servers that break
//! what is checked.
#![expect(clippy::unwrap_used, reason = "test support")]

mod agents;
mod capacity;
mod client;
mod floor;
mod honest;
mod hostile;
mod hosts;
mod liars;
mod relay;
mod remote;
mod report;
mod run;
mod secure;
mod stand_in;
mod tokens;
mod wire;
mod xml;
