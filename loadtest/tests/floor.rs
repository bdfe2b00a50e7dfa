//! The client against the yardstick servers: honest ones pass, and every lie is found out.
#![expect(clippy::unwrap_used, reason = "test support")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use std::{env, fs, process, thread};

use serde_json::Value;

const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");

/// A running floor, ended when dropped.
struct Floor {
    child: Child,
    http: String,
    tcp: String,
}

impl Floor {
    fn start(flags: &str) -> Self {
        let mut child = Command::new(LOADTEST)
            .args(["floor", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"])
            .args(flags.split_whitespace())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut address = |words: &str| {
            lines
                .next()
                .unwrap()
                .strip_prefix(words)
                .unwrap()
                .to_owned()
        };
        let http = address("listening http ");
        let tcp = address("listening tcp ");
        assert_eq!(address("pid "), child.id().to_string());
        Self { child, http, tcp }
    }

    /// Runs the client; `@http` and `@tcp` stand for the addresses. Returns the exit code and the
    /// figures.
    fn load(&self, flags: &str) -> (Option<i32>, Value) {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let json = env::temp_dir().join(format!("loadtest-{}-{run}.json", process::id()));
        let flags = flags
            .replace("@http", &self.http)
            .replace("@tcp", &self.tcp);
        let mut command = Command::new(LOADTEST);
        command.args(flags.split_whitespace()).arg("--no-preflight");
        // Some tests have a server of their own.
        if flags.contains(&self.http) || flags.contains(&self.tcp) {
            command.args(["--server-pid", &self.child.id().to_string()]);
        }
        let output = command.arg("--json").arg(&json).output().unwrap();
        let text = fs::read_to_string(&json);
        drop(fs::remove_file(&json));
        let text = text.unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
        (output.status.code(), serde_json::from_str(&text).unwrap())
    }

    fn passes(flags: &str, load: &str) {
        let (code, figures) = Self::start(flags).load(load);
        assert_eq!(code, Some(0), "floor {flags}: {load}: {figures:#}");
        assert_eq!(figures["passed"], true);
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn shown(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs a load against a lying floor and returns what was counted.
fn lied_to(fault: &str, load: &str) -> Value {
    let (code, figures) =
        Floor::start(&format!("--fault {fault}")).load(&format!("{load} --timeout 5"));
    assert_eq!(code, Some(1), "{fault}: {figures:#}");
    assert_eq!(figures["passed"], false);
    figures["deliveries"].clone()
}

/// 100 messages at a fixed schedule, so that many are under way at once.
const SCHEDULED: &str = "fanout --url ws://@http/sub/a -n 20 --rate 1000 --messages 100";

#[test]
fn every_floor_delivers_to_every_client() {
    for call in ["libc", "inline"] {
        for mode in ["fanout", "batch"] {
            let floor = format!("--call {call} --mode {mode}");
            for url in ["ws://@http/sub/a", "ws://@http/ws/{topic}", "tcp://@tcp"] {
                Floor::passes(&floor, &format!("fanout --url {url} -n 50 -m 20"));
            }
        }
        let floor = format!("--call {call} --mode echo");
        for url in ["ws://@http/echo", "tcp://@tcp"] {
            Floor::passes(&floor, &format!("echo --url {url} -n 10 -m 50"));
        }
    }
}

#[test]
fn all_message_lengths_and_frame_forms_arrive() {
    for payload in [24, 125, 126, 65_535, 65_536, 200_000] {
        let both = "--url ws://@http/sub/a --url tcp://@tcp";
        Floor::passes("", &format!("fanout {both} -n 8 -m 5 --payload {payload}"));
        Floor::passes(
            "--mode echo",
            &format!("echo --url ws://@http/ -n 4 -m 5 -p {payload}"),
        );
    }
}

#[test]
fn several_publishers_on_several_threads_keep_one_order() {
    let load = "fanout --url ws://@http/sub/a --url tcp://@tcp --publish-url ws://@http/pub/a \
                --publish-url tcp://@tcp --publishers 5 --threads 3 -n 50";
    Floor::passes("", &format!("{load} -m 200"));
    Floor::passes(
        "--mode batch",
        &format!("{load} --rate 2000 --duration 0.5"),
    );
}

#[test]
fn figures_say_what_was_done() {
    let (code, figures) =
        Floor::start("").load("fanout --url ws://@http/ws/a -n 50 -m 20 --pss-at 10,50");
    assert_eq!(code, Some(0), "{figures:#}");
    assert_eq!(figures["opening"]["live"], 50);
    assert_eq!(figures["deliveries"]["expected"], 1000);
    assert_eq!(figures["deliveries"]["got"], 1000);
    assert_eq!(figures["deliveries"]["copies_to_publishers"], 20);
    assert!(figures["server"]["cpu_us_per_message"].as_f64().unwrap() > 0.0);
    assert!(figures["latency"]["p50_us"].as_f64().unwrap() > 0.0);
    assert!(figures["server_memory"]["pss_slope_bytes_per_connection"].is_number());
}

#[test]
fn a_dropped_message_is_lost() {
    let counted = lied_to("drop", SCHEDULED);
    assert_eq!(counted["lost"], 1);
    assert_eq!(counted["got"], 1999);
}

#[test]
fn a_repeated_message_is_duplicated() {
    let counted = lied_to("duplicate", SCHEDULED);
    assert_eq!(
        (&counted["duplicated"], &counted["lost"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_message_that_comes_late_is_reordered() {
    let counted = lied_to("swap", SCHEDULED);
    assert_eq!(
        (&counted["reordered"], &counted["lost"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_changed_message_is_foreign_and_lost() {
    let counted = lied_to("corrupt", SCHEDULED);
    assert_eq!(
        (&counted["foreign"], &counted["lost"]),
        (&1.into(), &1.into())
    );
}

/// Each publisher's own order is kept, and still it is wrong.
#[test]
fn another_order_of_two_publishers_is_misordered() {
    let load = "fanout --url ws://@http/sub/a -n 20 -m 20 --publishers 2";
    let counted = lied_to("swap", load);
    assert!(counted["misordered"].as_u64().unwrap() > 0, "{counted}");
    assert_eq!(counted["subscribers_off_order"], 1);
    assert_eq!(
        (&counted["reordered"], &counted["lost"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn a_low_descriptor_limit_is_met_with_more_threads() {
    let floor = Floor::start("");
    let json = env::temp_dir().join(format!("loadtest-{}-limit.json", process::id()));
    let load = format!(
        "ulimit -n 150; exec {LOADTEST} fanout --url ws://{}/sub/a -n 300 -m 3 --threads 1 --json {}",
        floor.http,
        json.display()
    );
    let output = Command::new("sh").args(["-c", &load]).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    let figures: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    fs::remove_file(&json).unwrap();
    assert_eq!(figures["opening"]["live"], 300);
    assert_eq!(
        figures["client"]["threads"], 7,
        "six of 50 descriptors, one for the publisher"
    );
}

/// Compares the floors with a stand-in, and returns the exit code, the figures and what was said.
fn ratio(name: &str, flags: &str, once: &str) -> (Option<i32>, Value, String) {
    let json = env::temp_dir().join(format!("loadtest-{}-{name}.json", process::id()));
    let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_in.sh");
    let output = Command::new(LOADTEST)
        .env("LOADTEST", LOADTEST)
        .env("ONCE", once)
        .args(["ratio", "--corecast", stand_in, "--json"])
        .arg(&json)
        .args(flags.split_whitespace())
        .output()
        .unwrap();
    let figures = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    fs::remove_file(&json).unwrap();
    (output.status.code(), figures, shown(&output))
}

#[test]
fn ratios_are_taken_round_by_round() {
    for mode in ["", "--rate 500", "--mode batch --rate 500", "--mode echo"] {
        let (_, figures, said) = ratio("rounds", &format!("-n 10,20 -m 5 --runs 2 {mode}"), "");
        let cells = figures["cells"].as_array().unwrap();
        assert_eq!(cells.len(), 2, "{said}");
        for cell in cells {
            let rounds = cell["rounds"].as_array().unwrap();
            assert_eq!(rounds.len(), 2, "{said}");
            for round in rounds {
                for side in ["libc", "inline", "corecast"] {
                    let above_zero = |name: &str| round[side][name].as_f64().unwrap() > 0.0;
                    assert!(
                        above_zero("cpu_us") && above_zero("deliveries_per_s"),
                        "{said}"
                    );
                    assert!(above_zero("latency_p99_us"), "{said}");
                    assert_eq!(
                        above_zero("lateness_p99_us"),
                        mode.contains("rate"),
                        "{said}"
                    );
                }
                assert!(round["corecast_to_inline"].as_f64().unwrap() > 0.0);
            }
        }
        assert!(said.contains("of 2 rounds"), "{said}");
    }
}

#[test]
fn what_was_compared_is_kept_when_a_later_cell_fails() {
    let once = env::temp_dir().join(format!("loadtest-{}-once", process::id()));
    let flags = "-n 10,20,30 -m 5 --runs 1 --no-pin";
    let (code, figures, said) = ratio("kept", flags, &once.display().to_string());
    fs::remove_file(&once).unwrap();
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(figures["passed"], false);
    let failure = figures["failure"].as_str().unwrap();
    assert!(
        failure.starts_with("20 x 64 B") && failure.contains("once was enough"),
        "{failure}"
    );
    let cells = figures["cells"].as_array().unwrap();
    let rounds = |cell: &Value| cell["rounds"].as_array().unwrap().len();
    assert_eq!(
        cells.iter().map(rounds).collect::<Vec<_>>(),
        [1, 0],
        "{said}"
    );
}

/// More than the sockets of one connection hold, so that the first who does not read blocks.
#[test]
fn one_who_was_full_gets_all_and_one_who_is_reset_holds_up_nobody() {
    const MESSAGES: usize = 200;
    let payload = vec![7; 64 << 10];
    for flags in ["--call libc", "--call inline", "--mode batch"] {
        let floor = Floor::start(&format!("{flags} --tcp-publish-only"));
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
        let descriptors = || {
            let dir = format!("/proc/{}/fd", floor.child.id());
            fs::read_dir(dir).unwrap().count()
        };
        let before = descriptors();
        drop((slow, publisher));
        let deadline = SystemTime::now() + Duration::from_secs(10);
        while descriptors() > before - 2 {
            assert!(SystemTime::now() < deadline, "{flags}: sockets were left");
            thread::yield_now();
        }
        let sockets = descriptors();
        assert_eq!(sockets, bare_descriptors(flags), "{flags}: the reset one");
    }
}

/// Descriptors of a floor without connections.
fn bare_descriptors(flags: &str) -> usize {
    let floor = Floor::start(&format!("{flags} --tcp-publish-only"));
    fs::read_dir(format!("/proc/{}/fd", floor.child.id()))
        .unwrap()
        .count()
}

/// A subscriber over WebSocket that reads nothing by itself.
fn subscribe(addr: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    let head = b"GET /sub/a HTTP/1.1\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    stream
}

#[test]
fn a_floor_without_descriptors_goes_on_when_one_is_free() {
    let mut child = Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -n 110; exec {LOADTEST} floor --http 127.0.0.1:0"),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // To the last line that it says at the start: it ends if it cannot say it.
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .take(2)
        .collect();
    let http = lines[0].strip_prefix("listening http ").unwrap().to_owned();
    let floor = Floor {
        child,
        tcp: String::new(),
        http,
    };
    let mut waiting: Vec<TcpStream> = (0..150)
        .map(|_| TcpStream::connect(&floor.http).unwrap())
        .collect();
    let last = waiting.pop().unwrap();
    let answered = thread::spawn(move || {
        let mut last = last;
        let head = b"GET /sub/a HTTP/1.1\r\nsec-websocket-key: x\r\n\r\n";
        last.write_all(head).unwrap();
        let mut byte = [0];
        last.read_exact(&mut byte).unwrap();
        byte
    });
    drop(waiting);
    assert_eq!(answered.join().unwrap(), *b"H");
}

/// Takes an upgrade with the key that the client always sends.
fn upgrade(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stream.write_all(answer.as_bytes()).unwrap();
    stream
}

#[test]
fn pings_are_answered_and_a_close_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/sub/a", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut subscriber = upgrade(&listener);
        subscriber.write_all(&[0x89, 2, b'h', b'i']).unwrap();
        let mut pong = [0; 8];
        subscriber.read_exact(&mut pong).unwrap();
        let publisher = upgrade(&listener);
        subscriber.write_all(&[0x88, 2, 0x03, 0xf0]).unwrap();
        (pong, subscriber, publisher)
    });
    let (code, figures) = Floor::start("").load(&format!("fanout --url {url} -n 1 -m 1"));
    assert_eq!(code, Some(1), "{figures:#}");
    assert_eq!(
        figures["opening"]["failures"]["closed by the server with 1008"],
        1
    );
    assert_eq!(figures["opening"]["ended_early"], 1);
    let (pong, _subscriber, _publisher) = server.join().unwrap();
    let [first, second, m0, m1, _, _, h, i] = pong;
    assert_eq!((first, second), (0x8a, 0x82), "a masked pong of two bytes");
    assert_eq!([h ^ m0, i ^ m1], *b"hi");
}

#[test]
fn refused_connections_are_counted_and_fail_the_run() {
    let gone = Floor::start("").http.clone();
    let floor = Floor::start("");
    let (code, figures) = floor.load(&format!("fanout --url ws://{gone}/sub/a -n 5"));
    assert_eq!(code, Some(1));
    assert_eq!(figures["opening"]["live"], 0);
    assert_eq!(
        figures["opening"]["failures"]["connection refused"], 15,
        "three tries each"
    );
}

#[test]
fn a_run_past_its_deadline_ends_with_what_has_arrived() {
    let floor = Floor::start("");
    let load = "fanout --url ws://@http/sub/a -n 5 --rate 1 --messages 1000 --deadline 0.1";
    let (code, figures) = floor.load(load);
    assert_eq!(code, Some(1), "{figures:#}");
    let sent = figures["messages_sent"].as_u64().unwrap();
    assert!((1..1000).contains(&sent), "{figures:#}");
}

#[test]
fn wrong_usage_has_an_exit_code_of_its_own() {
    for flags in [
        "fanout",
        "fanout --url ws://192.0.2.1:80/",
        "fanout --url ws://127.0.0.1:1/ --payload 8",
        "fanout --url ws://127.0.0.1:1/ --rate 0",
        "floor",
    ] {
        let output = Command::new(LOADTEST)
            .args(flags.split_whitespace())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags}: {}", shown(&output));
        assert!(!output.stderr.is_empty());
    }
}
