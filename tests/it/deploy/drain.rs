//! The stop of the program: every client is told, and it ends in time.

use std::time::Duration;

use corecast::proto::ws::close::retry_after;
use rustix::process::Signal;

use crate::deploy::count;
use crate::support::program::Program;
use crate::support::socket::dial_small;
use crate::support::ws::Ws;

#[test]
fn every_client_is_told_to_come_back_and_when() {
    let (mut program, http, _) = Program::serve(&["--shards", "2"]);
    let mut clients: Vec<Ws> = (0..count()).map(|_| Ws::connect(http, "/sub/a")).collect();
    program.signal(Signal::TERM);
    program.wait_for("draining");
    // No second waits for many more clients than a server opens in one.
    let mut seconds = vec![0; 61];
    for client in &mut clients {
        let (code, reason) = client.expect_close();
        let after = retry_after(&reason).unwrap_or_else(|| panic!("{code}: {reason}"));
        assert_eq!(code, 1001);
        seconds[usize::try_from(after.as_secs()).unwrap()] += 1;
    }
    assert!(seconds.iter().all(|count| *count <= 5_000), "{seconds:?}");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_client_that_reads_nothing_does_not_keep_a_program_beyond_its_deadline() {
    let limits = [("CORECAST_TIMEOUTS_DRAIN", "1s")];
    let (mut program, http, _) = Program::serve_limited_by(1024, &["--shards", "2"], &limits);
    let _slow = Ws::over(dial_small(http), "/sub/lobby");
    let mut ws = Ws::connect(http, "/ws/lobby");
    for _ in 0..100 {
        ws.send_binary(&[0; 5_000]);
        ws.next_payload();
    }
    program.signal(Signal::TERM);
    program.wait_for("draining");
    assert_eq!(ws.expect_close().0, 1001);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn connections_that_have_lived_their_time_are_told_to_connect_again() {
    let lifetime = [("CORECAST_TIMEOUTS_MAX_LIFETIME", "1s")];
    let (_program, http, _) = Program::serve_limited_by(1024, &["--shards", "2"], &lifetime);
    let mut clients = [(); 3].map(|()| Ws::connect(http, "/ws/a"));
    for client in &mut clients {
        let (code, reason) = client.expect_close();
        assert_eq!(code, 1001);
        assert_eq!(reason, "the connection has lived its time; connect again");
        assert_eq!(retry_after(&reason), None::<Duration>);
    }
}
