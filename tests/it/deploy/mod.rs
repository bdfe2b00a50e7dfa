//! The program as it is deployed: reloads, drains, and what starts and stops it.

mod drain;
mod manager;
mod operations;
mod reload;
mod service;
mod stop;

use std::env;

/// Many connections by `CORECAST_TEST_CONNECTIONS`, a few otherwise.
fn count() -> usize {
    let asked = env::var("CORECAST_TEST_CONNECTIONS");
    asked.map_or(100, |asked| asked.parse().unwrap())
}
