//! TLS: sessions in memory, and listeners with real clients.

mod certificates;
mod clients;
mod dial;
mod drain;
mod fanout;
mod flight;
mod full;
mod memory;
mod proxied;
mod reload;
pub(crate) mod served;
mod session;
mod tenants;
mod tools;
