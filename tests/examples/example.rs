//! An example that runs, on free ports.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use rustix::process::Signal;

use crate::support::program::Program;

/// A process of an example, with four shards whatever the cores; killed when dropped.
#[derive(Debug)]
pub(crate) struct Example {
    program: Program,
    pub(crate) http: SocketAddr,
    pub(crate) tcp: SocketAddr,
}

impl Example {
    pub(crate) fn start(name: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(binary(name));
        command.args(["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"]);
        command.args(["--shards", "4"]).args(flags);
        let mut program = Program::spawn(command);
        let http = program.wait_for("open http://");
        let tcp = program.wait_for("listening tcp ");
        Self {
            program,
            http: http.trim_end_matches('/').parse().unwrap(),
            tcp: tcp.parse().unwrap(),
        }
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn end(self) {
        self.program.signal(Signal::INT);
        let (status, log) = self.program.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

/// The program that cargo has made of an example. `cargo test` makes all of them; a test that is
/// asked for by its name alone would meet none, or an old one.
fn binary(name: &str) -> PathBuf {
    let here = env::current_exe().unwrap();
    let folder = here.parent().unwrap().parent().unwrap().join("examples");
    let binary = folder.join(name);
    assert!(
        is_current(&binary).unwrap_or_default(),
        "{} is missing or old: run `cargo build --examples`",
        binary.display()
    );
    binary
}

/// Whether a program is newer than all that cargo says it is made of.
fn is_current(binary: &Path) -> Option<bool> {
    let changed = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    let built: SystemTime = changed(binary)?;
    let sources = fs::read_to_string(binary.with_extension("d")).ok()?;
    let (_, sources) = sources.split_once(": ")?;
    // Paths with spaces have a backslash before each, as for make: taken for missing, they are
    // passed over.
    let mut sources = sources.split_whitespace();
    Some(sources.all(|path| changed(Path::new(path)).is_none_or(|at| at <= built)))
}
