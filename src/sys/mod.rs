//! System calls that need unsafe code or raw descriptor numbers.
//!
//! A shard knows a connection by the number of its descriptor, and each shard has its own
//! descriptor table. Numbers, not owners, keep a member at 16 bytes and can be passed between
//! threads. No other module has unsafe code.

#![expect(
    unsafe_code,
    reason = "raw descriptor numbers, and what no safe wrapper offers"
)]

pub mod affinity;
pub mod cgroup;
pub mod deferred;
pub mod descriptors;
pub mod eventfd;
pub mod handoff;
pub mod memory;
pub mod service;
pub mod signals;
pub mod socket;
pub mod startup;
pub mod tcp_info;
pub mod time_of_day;
