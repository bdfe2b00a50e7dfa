//! Runs of the program, and the servers that it is tried on.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process, thread};

use serde_json::Value;

pub(crate) const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) figures: Value,
    pub(crate) said: String,
}

/// A folder of a test, removed when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("loadtest-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).unwrap();
        self.file(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Runs a command that ends, and returns its exit code and what it said.
pub(crate) fn ends(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), shown(&output))
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!("{}\n{out}{err}", output.status)
}

/// Runs the program with these words, which must end with this exit code; returns what it said.
pub(crate) fn says(code: i32, words: &str) -> String {
    let (found, said) = ends(Command::new(LOADTEST).args(words.split_whitespace()));
    assert_eq!(found, Some(code), "{words}: {said}");
    said
}

/// Runs the program and reads its figures.
pub(crate) fn load(words: &str) -> Run {
    load_with(Command::new(LOADTEST).args(words.split_whitespace()))
}

/// The same with a command that takes more words.
pub(crate) fn load_with(command: &mut Command) -> Run {
    let folder = Folder::new();
    let (code, said) = ends(command.arg("--json").arg(folder.file("run.json")));
    let text = fs::read_to_string(folder.file("run.json"));
    let text = text.unwrap_or_else(|error| panic!("{error}: {command:?}: {said}"));
    let figures = serde_json::from_str(&text).unwrap();
    Run {
        code,
        figures,
        said,
    }
}

/// A run that must pass.
pub(crate) fn passes(words: &str) -> Value {
    let run = load(words);
    assert_eq!(run.code, Some(0), "{words}: {}", run.said);
    assert_eq!(run.figures["passed"], true);
    run.figures
}

/// A run that must fail for what the server did.
pub(crate) fn fails(words: &str) -> Value {
    let run = load(&format!("{words} --timeout 3"));
    assert_eq!(run.code, Some(1), "{words}: {}", run.said);
    assert_eq!(run.figures["passed"], false);
    run.figures
}

/// Runs all cases at once: they mostly wait.
pub(crate) fn at_once<C: Sync>(cases: &[C], run: impl Fn(&C) + Sync) {
    let run = &run;
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || run(case));
        }
    });
}

/// A running server, ended when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) http: String,
    pub(crate) tcp: String,
    /// None where it was not asked for.
    pub(crate) admin: String,
}

impl Server {
    /// Starts a floor with these flags, on free ports.
    pub(crate) fn floor(flags: &str) -> Self {
        let floor = "floor --http 127.0.0.1:0 --tcp 127.0.0.1:0";
        let mut command = Command::new(LOADTEST);
        command
            .args(floor.split(' '))
            .args(flags.split_whitespace());
        Self::of_floor(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    /// From a floor that was started.
    pub(crate) fn of_floor(mut child: Child) -> Self {
        let last = format!("pid {}", child.id());
        let stdout = child.stdout.take().unwrap();
        Self::find(child, stdout, &last)
    }

    /// Starts corecast with two shards on free ports, on 127.0.0.1 unless `flags` say otherwise.
    pub(crate) fn corecast(flags: &str) -> Self {
        let serve = "serve --shards 2 --tcp 127.0.0.1:0 --tcp-topic news";
        let mut command = Command::new(program());
        command
            .args(serve.split(' '))
            .args(flags.split_whitespace());
        Self::of_corecast(&mut command)
    }

    /// From a command that starts corecast.
    pub(crate) fn of_corecast(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        Self::find(child, stderr, "ready: ")
    }

    /// Starts corecast with this configuration file.
    pub(crate) fn configured(file: &str) -> Self {
        let mut command = Command::new(program());
        Self::of_corecast(command.args(["serve", "--config", file]))
    }

    /// From where it says that it listens, up to the last line that it says at the start.
    fn find(child: Child, says: impl Read + Send + 'static, last: &str) -> Self {
        let [mut http, mut tcp, mut admin, mut log] = [const { String::new() }; 4];
        let mut lines = BufReader::new(says).lines();
        while !log.contains(last) {
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
            admin = after("listening admin ").unwrap_or(admin);
            log.push_str(&line);
        }
        // Its log goes on; a closed pipe would be an error for it.
        thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            http,
            tcp,
            admin,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Words with `@http`, `@tcp` and `@pid` of this server.
    pub(crate) fn words(&self, words: &str) -> String {
        words
            .replace("@http", &self.http)
            .replace("@tcp", &self.tcp)
            .replace("@admin", &self.admin)
            .replace("@pid", &self.pid().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The server's program, built beside the client: `cargo test -p` builds the one package alone.
pub(crate) fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let dir = Path::new(LOADTEST).parent().unwrap();
        let profile = dir.file_name().unwrap().to_str().unwrap();
        let profile = if profile == "debug" { "dev" } else { profile };
        let build = "build --locked --package corecast --bin corecast --profile";
        let mut command = Command::new(env!("CARGO"));
        command
            .args(build.split(' '))
            .args([profile, "--target-dir"]);
        command.arg(dir.parent().unwrap());
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let (code, said) = ends(&mut command);
        assert_eq!(code, Some(0), "{said}");
        dir.join("corecast")
    })
}
