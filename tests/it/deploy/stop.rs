//! What ends a stop: its deadline, a later one that a reload brings, and a shard that is stuck.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::config::File;
use crate::deploy::manager::Manager;
use crate::operators::call;
use crate::support::program::Program;
use crate::support::tools::tool;
use crate::support::ws::Ws;

fn keys(drain: &str) -> String {
    format!(
        "shards = 2\npin = false\n[timeouts]\ndrain = {drain:?}\n\
         [admin]\naddress = \"127.0.0.1:0\"\n\
         [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n"
    )
}

#[test]
fn an_operator_begins_a_stop_whose_deadline_a_reload_moves() {
    let manager = Manager::new("moved");
    let file = File::new("moved", &keys("24h"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.args(["serve", "--config", file.path()]);
    command.env("NOTIFY_SOCKET", &manager.path);
    let mut program = Program::spawn(command);
    assert_eq!(manager.next(), "READY=1\nSTATUS=serving");
    let http = program.wait_for("listening http ").parse().unwrap();
    let admin = program.wait_for("listening admin ").parse().unwrap();
    // It holds the drain up, as it reads nothing of what was published before.
    let (mut ws, _slow) = Ws::with_slow(http);
    // Once by an operator, and once by a signal: one stop.
    assert_eq!(call(admin, "POST", "/admin/drain", "").0, 202);
    assert_eq!(manager.next(), stopping(24 * 3_600));
    program.signal(Signal::TERM);
    program.wait_for("draining; send it again to exit at once");
    assert_eq!(ws.expect_close().0, 1001);
    fs::write(file.path(), keys("1s")).unwrap();
    program.signal(Signal::HUP);
    program.wait_for("configuration reloaded");
    assert_eq!(manager.next(), stopping(1));
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

fn stopping(drain: u64) -> String {
    let micros = (drain + 5) * 1_000_000;
    format!("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC={micros}")
}

/// A tracer that holds one thread of the program, which stands for a handler that never returns.
/// `None` where that is not possible.
fn hold(program: &Program, thread: &str) -> Option<Child> {
    let mut python = tool("python3")?;
    python.args(["-c", HOLD, &program.pid().to_string(), thread]);
    let mut tracer = python.stdout(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    let mut stdout = BufReader::new(tracer.stdout.take().unwrap());
    stdout.read_line(&mut told).unwrap();
    if told != "held\n" {
        tracer.wait().unwrap();
        assert!(told.contains("not permitted"), "{told}");
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        {
            eprintln!("skipped: it may not trace: {told}");
        }
        return None;
    }
    Some(tracer)
}

/// ptrace(2): PTRACE_SEIZE, PTRACE_INTERRUPT, and a wait for the end of the thread.
const HOLD: &str = r#"
import ctypes, os, sys
pid, name = sys.argv[1:]
tasks = f'/proc/{pid}/task'
thread = next(int(t) for t in os.listdir(tasks) if open(f'{tasks}/{t}/comm').read().strip() == name)
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
for request in (0x4206, 0x4207):
    if libc.ptrace(request, thread, None, None) != 0:
        sys.exit(print(os.strerror(ctypes.get_errno()), flush=True))
os.waitpid(thread, 0x40000000)
print('held', flush=True)
os.waitpid(thread, 0x40000000)
"#;

#[test]
fn a_program_with_a_stuck_shard_gives_no_sign_of_life_and_ends_after_its_deadline() {
    let manager = Manager::new("stuck");
    let file = File::new("stuck", &keys("1s"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.args(["serve", "--config", file.path()]);
    command.env("NOTIFY_SOCKET", &manager.path);
    command.env("WATCHDOG_USEC", "30000");
    let mut program = Program::spawn(command);
    program.wait_for("ready: ");
    let Some(mut tracer) = hold(&program, "corecast-1") else {
        return;
    };
    program.wait_for("shard 1 has had no turn for ");
    program.signal(Signal::TERM);
    program.wait_for("a shard does not stop: exiting without it");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    tracer.wait().unwrap();
}
