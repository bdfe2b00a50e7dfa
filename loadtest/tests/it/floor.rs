//! The client against the yardstick servers, and what these do themselves.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};
use std::{fs, thread};

use serde_json::Value;

use crate::run::{Folder, LOADTEST, Run, Server, load, load_with, says};
use crate::wire::{self, UPGRADED};

/// Runs the client against a floor.
fn floor(flags: &str, words: &str) -> Run {
    let floor = Server::floor(flags);
    load(&floor.words(&format!("{words} --no-preflight --server-pid @pid")))
}

fn passes(flags: &str, words: &str) -> Value {
    let run = floor(flags, words);
    assert_eq!(run.code, Some(0), "floor {flags}: {words}: {}", run.said);
    assert_eq!(run.figures["passed"], true);
    run.figures
}

#[test]
fn every_floor_delivers_to_every_client() {
    for call in ["libc", "inline"] {
        for mode in ["fanout", "batch"] {
            let floor = format!("--call {call} --mode {mode}");
            for url in ["ws://@http/sub/a", "ws://@http/ws/{topic}", "tcp://@tcp"] {
                passes(&floor, &format!("fanout --url {url} -n 50 -m 20"));
            }
        }
        let floor = format!("--call {call} --mode echo");
        for url in ["ws://@http/echo", "tcp://@tcp"] {
            passes(&floor, &format!("echo --url {url} -n 10 -m 50"));
        }
    }
}

#[test]
fn all_message_lengths_and_frame_forms_arrive() {
    for payload in [24, 125, 126, 65_535, 65_536, 200_000] {
        let both = "--url ws://@http/sub/a --url tcp://@tcp";
        passes("", &format!("fanout {both} -n 8 -m 5 --payload {payload}"));
        let echo = format!("echo --url ws://@http/ -n 4 -m 5 -p {payload}");
        passes("--mode echo", &echo);
    }
}

#[test]
fn several_publishers_on_several_threads_keep_one_order() {
    let load = "fanout --url ws://@http/sub/a --url tcp://@tcp --publish-url ws://@http/pub/a \
                --publish-url tcp://@tcp --publishers 5 --threads 3 -n 50";
    passes("", &format!("{load} -m 200"));
    passes(
        "--mode batch",
        &format!("{load} --rate 2000 --duration 0.5"),
    );
}

#[test]
fn figures_say_what_was_done() {
    let figures = passes(
        "",
        "fanout --url ws://@http/ws/a -n 50 -m 20 --pss-at 10,50",
    );
    assert_eq!(figures["opening"]["live"], 50);
    let deliveries = &figures["deliveries"];
    let found = ["expected", "got", "copies_to_publishers"].map(|name| &deliveries[name]);
    assert_eq!(found, [1000, 1000, 20], "{figures:#}");
    assert!(figures["server"]["cpu_us_per_message"].as_f64() > Some(0.0));
    assert!(figures["latency"]["p50_us"].as_f64() > Some(0.0));
    assert!(figures["server_memory"]["pss_slope_bytes_per_connection"].is_number());
}

#[test]
fn a_low_descriptor_limit_is_met_with_more_threads() {
    let floor = Server::floor("");
    let load = "fanout --url ws://@http/sub/a -n 300 -m 3 --threads 1";
    let load = floor.words(&format!("ulimit -n 150; exec {LOADTEST} {load} \"$@\""));
    let run = load_with(Command::new("sh").args(["-c", &load, "sh"]));
    assert_eq!(run.code, Some(0), "{}", run.said);
    assert_eq!(run.figures["opening"]["live"], 300);
    let threads = &run.figures["client"]["threads"];
    assert_eq!(threads, 7, "six of 50 descriptors, one for the publisher");
}

/// Compares the floors with a stand-in.
fn ratio(flags: &str, once: &str) -> Run {
    let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_in.sh");
    let mut command = Command::new(LOADTEST);
    command.env("LOADTEST", LOADTEST).env("ONCE", once);
    command.args(["ratio", "--corecast", stand_in]);
    load_with(command.args(flags.split_whitespace()))
}

#[test]
fn ratios_are_taken_round_by_round() {
    for mode in ["", "--rate 500", "--mode batch --rate 500", "--mode echo"] {
        let Run { figures, said, .. } = ratio(&format!("-n 10,20 -m 5 --runs 2 {mode}"), "");
        let cells = figures["cells"].as_array().unwrap();
        assert_eq!(cells.len(), 2, "{said}");
        let rounds = cells.iter().flat_map(|cell| {
            let rounds = cell["rounds"].as_array().unwrap();
            assert_eq!(rounds.len(), 2, "{said}");
            rounds
        });
        for round in rounds {
            for side in ["libc", "inline", "corecast"] {
                let above_zero = |name: &str| round[side][name].as_f64().unwrap() > 0.0;
                let figures = ["cpu_us", "deliveries_per_s", "latency_p99_us"];
                assert!(figures.iter().all(|name| above_zero(name)), "{said}");
                let is_late = above_zero("lateness_p99_us");
                assert_eq!(is_late, mode.contains("rate"), "{said}");
            }
            assert!(round["corecast_to_inline"].as_f64() > Some(0.0));
        }
        assert!(said.contains("of 2 rounds"), "{said}");
    }
}

#[test]
fn what_was_compared_is_kept_when_a_later_cell_fails() {
    let folder = Folder::new();
    let run = ratio("-n 10,20,30 -m 5 --runs 1 --no-pin", &folder.file("once"));
    let Run {
        code,
        figures,
        said,
    } = run;
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(figures["passed"], false);
    let failure = figures["failure"].as_str().unwrap();
    assert!(
        failure.starts_with("20 x 64 B") && failure.contains("once was enough"),
        "{failure}"
    );
    let cells = figures["cells"].as_array().unwrap().iter();
    let rounds = cells.map(|cell| cell["rounds"].as_array().unwrap().len());
    assert_eq!(rounds.collect::<Vec<_>>(), [1, 0], "{said}");
}

fn descriptors(floor: &Server) -> usize {
    let dir = format!("/proc/{}/fd", floor.pid());
    fs::read_dir(dir).unwrap().count()
}

/// More than the sockets of one connection hold, so that the first that does not read blocks.
#[test]
fn a_full_subscriber_gets_all_and_one_that_is_reset_holds_up_no_other() {
    const MESSAGES: usize = 200;
    let payload = vec![7; 64 << 10];
    for flags in ["--call libc", "--call inline", "--mode batch"] {
        let start = || Server::floor(&format!("{flags} --tcp-publish-only"));
        let floor = start();
        let mut slow = subscribe(&floor.http);
        let mut reset = Some(subscribe(&floor.http));
        let mut publisher = TcpStream::connect(&floor.tcp).unwrap();
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(&payload);
        for number in 0..MESSAGES {
            if number == MESSAGES / 2 {
                // It has unread bytes, so closing it resets the connection.
                drop(reset.take());
            }
            frame[4] = u8::try_from(number).unwrap();
            publisher.write_all(&frame).unwrap();
        }
        for number in 0..MESSAGES {
            let mut message = vec![0; 10 + payload.len()];
            slow.read_exact(&mut message).unwrap();
            assert_eq!(message[..2], [0x82, 127], "{flags}: message {number}");
            assert_eq!(usize::from(message[10]), number, "{flags}");
            assert_eq!(message[11..], payload[1..], "{flags}: message {number}");
        }
        let before = descriptors(&floor);
        drop((slow, publisher));
        let deadline = SystemTime::now() + Duration::from_secs(10);
        while descriptors(&floor) > before - 2 {
            assert!(SystemTime::now() < deadline, "{flags}: sockets were left");
            thread::yield_now();
        }
        let bare = descriptors(&start());
        assert_eq!(descriptors(&floor), bare, "{flags}: the reset one");
    }
}

/// A subscriber over WebSocket that reads nothing by itself.
fn subscribe(addr: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    let head = b"GET /sub/a HTTP/1.1\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head).unwrap();
    wire::read_path(&mut stream).unwrap();
    stream
}

#[test]
fn a_floor_without_descriptors_goes_on_when_one_is_free() {
    let words = format!("ulimit -n 110; exec {LOADTEST} floor --http 127.0.0.1:0");
    let mut command = Command::new("sh");
    let spawned = command.args(["-c", &words]).stdout(Stdio::piped()).spawn();
    let floor = Server::of_floor(spawned.unwrap());
    let connect = |_| TcpStream::connect(&floor.http).unwrap();
    let mut waiting: Vec<TcpStream> = (0..150).map(connect).collect();
    let mut last = waiting.pop().unwrap();
    let answered = thread::spawn(move || {
        let head = b"GET /sub/a HTTP/1.1\r\nsec-websocket-key: x\r\n\r\n";
        last.write_all(head).unwrap();
        let mut byte = [0];
        last.read_exact(&mut byte).unwrap();
        byte
    });
    drop(waiting);
    assert_eq!(answered.join().unwrap(), *b"H");
}

#[test]
fn pings_are_answered_and_a_close_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/sub/a", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let upgrade = || {
            let (mut stream, _) = listener.accept().unwrap();
            wire::read_path(&mut stream).unwrap();
            stream.write_all(UPGRADED).unwrap();
            stream
        };
        let mut subscriber = upgrade();
        subscriber.write_all(&[0x89, 2, b'h', b'i']).unwrap();
        let pong = wire::read_frame(&mut subscriber).unwrap();
        let publisher = upgrade();
        subscriber.write_all(&[0x88, 2, 0x03, 0xf0]).unwrap();
        (pong, subscriber, publisher)
    });
    let run = load(&format!("fanout --url {url} -n 1 -m 1 --no-preflight"));
    assert_eq!(run.code, Some(1), "{}", run.said);
    let opening = &run.figures["opening"];
    assert_eq!(opening["failures"]["closed by the server with 1008"], 1);
    assert_eq!(opening["ended_early"], 1);
    let (pong, _subscriber, _publisher) = server.join().unwrap();
    assert_eq!(pong, (wire::PONG, b"hi".to_vec()));
}

#[test]
fn refused_connections_are_counted_and_fail_the_run() {
    let gone = Server::floor("").http.clone();
    let run = load(&format!(
        "fanout --url ws://{gone}/sub/a -n 5 --no-preflight"
    ));
    assert_eq!(run.code, Some(1));
    let opening = &run.figures["opening"];
    assert_eq!(opening["live"], 0);
    assert_eq!(
        opening["failures"]["connection refused"], 15,
        "three tries each"
    );
}

#[test]
fn a_run_past_its_deadline_ends_with_what_has_arrived() {
    let load = "fanout --url ws://@http/sub/a -n 5 --rate 1 --messages 1000 --deadline 0.1";
    let Run { code, figures, .. } = floor("", load);
    assert_eq!(code, Some(1), "{figures:#}");
    let sent = figures["messages_sent"].as_u64().unwrap();
    assert!((1..1000).contains(&sent), "{figures:#}");
}

#[test]
fn wrong_usage_has_an_exit_code_of_its_own() {
    for words in [
        "fanout",
        "fanout --url ws://192.0.2.1:80/",
        "fanout --url ws://127.0.0.1:1/ --payload 8",
        "fanout --url ws://127.0.0.1:1/ --rate 0",
        "floor",
    ] {
        assert!(says(2, words).lines().count() > 1, "{words}");
    }
}
