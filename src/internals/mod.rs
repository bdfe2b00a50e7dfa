//! What tests, benches and fuzzers need of the inside. No stability promised.

pub mod driver;
pub mod fuzz;
mod rng;

pub use rng::Rng;

/// Has what is hashed have the same hash in each process: before the first topic is named.
pub fn make_hashes_known() {
    crate::topic::make_known();
}
