//! Messages on their way: from a publisher to the order of their topic at its home, and from there
//! into the logs of its subscribers.

mod backlog;
mod census;
mod deliver;
mod events;
mod held;
mod joins;
mod looks;
mod matched;
mod ordered;
mod outputs;
pub(crate) mod publish;
mod questions;
mod received;
mod shared;
mod users;
