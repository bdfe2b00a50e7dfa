//! TLS: sessions in memory, and listeners with real clients.

mod served;
mod session;
