//! Runs of the client, and the server that it is tried on.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use serde_json::Value;

const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) figures: Value,
    pub(crate) said: String,
}

/// Runs the client and reads its figures.
pub(crate) fn load(flags: &str) -> Run {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let json = env::temp_dir().join(format!("scenarios-{}-{run}.json", process::id()));
    let output = Command::new(LOADTEST)
        .args(flags.split_whitespace())
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    let text = fs::read_to_string(&json);
    drop(fs::remove_file(&json));
    let said = shown(&output);
    let text = text.unwrap_or_else(|error| panic!("{error}: {flags}: {said}"));
    Run {
        code: output.status.code(),
        figures: serde_json::from_str(&text).unwrap(),
        said,
    }
}

/// A run that must pass.
pub(crate) fn passes(flags: &str) -> Value {
    let run = load(flags);
    assert_eq!(run.code, Some(0), "{flags}: {}", run.said);
    assert_eq!(run.figures["passed"], true);
    run.figures
}

/// A run that must fail for what the server did.
pub(crate) fn fails(flags: &str) -> Value {
    let run = load(&format!("{flags} --timeout 3"));
    assert_eq!(run.code, Some(1), "{flags}: {}", run.said);
    assert_eq!(run.figures["passed"], false);
    run.figures
}

/// Runs the client where it writes no figures.
pub(crate) fn refused(flags: &str) -> Output {
    Command::new(LOADTEST)
        .args(flags.split_whitespace())
        .output()
        .unwrap()
}

pub(crate) fn shown(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A running server, ended when dropped.
pub(crate) struct Corecast {
    child: Child,
    pub(crate) http: String,
    pub(crate) tcp: String,
}

impl Corecast {
    /// Starts one of two shards on free ports, on 127.0.0.1 unless `flags` say otherwise.
    pub(crate) fn start(flags: &str) -> Self {
        let mut child = Command::new(program())
            .args(["serve", "--shards", "2", "--tcp", "127.0.0.1:0"])
            .args(["--tcp-topic", "news"])
            .args(flags.split_whitespace())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut http, mut tcp, mut log) = (String::new(), String::new(), String::new());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while !log.contains("ready: ") {
            let Some(Ok(line)) = lines.next() else {
                panic!("the server did not start: {log}");
            };
            let after = |words: &str| {
                line.split_once(words)
                    .map(|(_, rest)| rest.trim().to_owned())
            };
            // With TLS they have other words, and each server has one of a kind.
            let of = |plain, tls| after(plain).or_else(|| after(tls));
            http = of("listening http ", "listening https ").unwrap_or(http);
            tcp = of("listening tcp ", "listening tls ").unwrap_or(tcp);
            log.push_str(&line);
        }
        // Its log goes on; a closed pipe would be an error for it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, http, tcp }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Corecast {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The server's program, built beside the client: `cargo test -p` builds the one package alone.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let dir = Path::new(LOADTEST).parent().unwrap();
        let profile = dir.file_name().unwrap().to_str().unwrap();
        let profile = if profile == "debug" { "dev" } else { profile };
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--locked",
                "--package",
                "corecast",
                "--bin",
                "corecast",
            ])
            .args(["--profile", profile, "--target-dir"])
            .arg(dir.parent().unwrap())
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", shown(&built));
        dir.join("corecast")
    })
}
