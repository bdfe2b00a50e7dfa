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
mod shard;
mod wheel;

use criterion::Criterion;

fn main() {
    if std::env::args().any(|argument| argument == "history") {
        history::report();
    }
    let mut criterion = Criterion::default().configure_from_args();
    decode::benches(&mut criterion);
    encode::benches(&mut criterion);
    fanout::benches(&mut criterion);
    history::benches(&mut criterion);
    mesh::benches(&mut criterion);
    wheel::benches(&mut criterion);
    criterion.final_summary();
}
