//! What the kernel is asked for that needs unsafe code or raw descriptor numbers.
//!
//! A connection is known to its shard by the number of its descriptor, and each shard has a
//! descriptor table of its own: numbers, not owners, are what can be kept 16 bytes small and
//! carried between threads. No other module of the package has unsafe code.

#![expect(
    unsafe_code,
    reason = "raw descriptor numbers, and what no safe wrapper offers"
)]

pub mod affinity;
pub mod deferred;
pub mod descriptors;
pub mod eventfd;
pub mod handoff;
pub mod inherited;
pub mod memory;
pub mod signals;
pub mod socket;
pub mod startup;
pub mod time_of_day;
