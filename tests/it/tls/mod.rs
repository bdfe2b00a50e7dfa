//! TLS: sessions in memory, and listeners with real clients.

mod certificates;
mod clients;
mod drain;
mod fanout;
mod flight;
mod memory;
mod proxied;
mod reload;
mod served;
mod session;
mod tenants;
mod tools;
