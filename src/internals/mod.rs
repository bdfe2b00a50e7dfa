//! What tests, benches and fuzzers need of the inside. No stability promised.

pub mod driver;
pub mod fuzz;
mod rng;

pub use rng::Rng;
