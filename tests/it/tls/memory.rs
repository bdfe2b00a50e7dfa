//! What an idle TLS connection costs in memory of the process.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use crate::support::tls::{Authority, EACH, client, keys};
use crate::tls::session::{Served, talk};

/// Enough for the pages of one connection to be none of its own.
const SESSIONS: usize = 2_000;

/// Prints the bytes of a session after a handshake and one message each way. Measured when docs
/// tell the number: `cargo test --test it tls::memory -- --ignored --nocapture`.
#[test]
#[ignore = "measures, and wants to be alone in its process"]
fn the_memory_of_an_idle_session() {
    let authority = Authority::new("memory");
    authority.sign("host", "host", &["localhost"]);
    let keys = keys(&authority.settings("host"));
    // All are kept: the second half must not live in what the first has given back.
    let mut sessions = Vec::new();
    for (versions, name) in EACH.into_iter().zip(["1.3", "1.2"]) {
        let config = Arc::new(authority.trusting(versions, None));
        let mut before = 0;
        // What the allocator keeps for next time is there after the first of them.
        for number in 0..SESSIONS + 200 {
            if number == 200 {
                before = resident();
            }
            let mut client = client(&config, "localhost");
            let mut served = Served::new(&keys);
            talk(&mut client, &mut served, usize::MAX).unwrap();
            client.writer().write_all(b"ping").unwrap();
            served.say(b"pong");
            talk(&mut client, &mut served, usize::MAX).unwrap();
            sessions.push(Box::new(served.into_session()));
        }
        let each = (resident() - before) / SESSIONS;
        println!("TLS {name}: {each} bytes for each of {SESSIONS} idle sessions");
        assert!(each < 8_000, "a buffer is kept");
    }
}

/// Bytes of the process in memory; proc(5), `VmRSS`.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: usize = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib << 10
}
