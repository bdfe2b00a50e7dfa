//! TLS: sessions in memory, and listeners with real clients.

mod certificates;
mod clients;
mod reload;
mod served;
mod session;
