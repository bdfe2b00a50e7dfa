//! What single parts of the pure core and of the mesh cost, without sockets.
//!
//! `cargo bench --bench micro -- fanout` runs those whose names have `fanout` in them.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to say"
)]

mod decode;
mod encode;
mod fanout;
mod history;
mod mesh;
mod patterns;
mod presence;
mod shard;
mod topics;
mod wheel;

use std::fs;

use criterion::Criterion;

fn main() {
    // As the program does.
    corecast::sys::memory::join_small_blocks();
    let is_named = |name: &str| std::env::args().any(|argument| argument == name);
    if is_named("history") {
        history::report();
    }
    if is_named("patterns") {
        patterns::report();
    }
    if is_named("presence") {
        presence::report();
    }
    if is_named("topics") {
        topics::report();
    }
    let mut criterion = Criterion::default().configure_from_args();
    decode::benches(&mut criterion);
    encode::benches(&mut criterion);
    fanout::benches(&mut criterion);
    history::benches(&mut criterion);
    mesh::benches(&mut criterion);
    patterns::benches(&mut criterion);
    presence::benches(&mut criterion);
    topics::benches(&mut criterion);
    wheel::benches(&mut criterion);
    criterion.final_summary();
}

/// Bytes of memory that the process has.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
