//! Runs with tokens, at a server that wants them.

use std::process::Command;

use crate::run::{Folder, Server, at_once, ends, fails, passes, program, says};

const CONFIG: &str = r#"
shards = 2

[auth]
hmac_secret = "0123456789abcdef0123456789abcdef"
rules = ["users all #"]

[[listener]]
protocol = "http"
address = "127.0.0.1:0"

[[listener]]
protocol = "length-prefix"
address = "127.0.0.1:0"
topic = "news"
token = true
"#;

/// A server, its configuration, and the command that makes its tokens.
struct Guarded {
    folder: Folder,
    server: Server,
    create: String,
}

impl Guarded {
    fn start() -> Self {
        let folder = Folder::new();
        let config = folder.write("corecast.toml", CONFIG);
        let server = Server::configured(&config);
        let create = format!(
            "{} token create --config {config} --user",
            program().display()
        );
        Self {
            folder,
            server,
            create,
        }
    }

    /// A file with tokens, fewer than there are connections.
    fn file(&self) -> String {
        let create = format!("{} u{{number}} --count 7", self.create);
        let (code, said) = ends(Command::new("sh").args(["-c", &create]));
        assert_eq!(code, Some(0), "{said}");
        let tokens: Vec<&str> = said.lines().filter(|line| line.contains('.')).collect();
        assert_eq!(tokens.len(), 7, "{said}");
        self.folder.write("tokens.txt", &tokens.join("\n"))
    }
}

#[test]
fn every_command_that_connects_shows_tokens() {
    let guarded = Guarded::start();
    let file = guarded.file();
    let cases = [
        "fanout --url ws://@http/sub/{topic} -n 20 -m 5",
        "fanout --url tcp://@tcp --url ws://@http/ws/news --publish-url tcp://@tcp -n 20 -m 5",
        "connect --url ws://@http/sub/a -n 20 --hold 0s",
        "chat --url ws://@http/ws/{topic} -n 5 -m 3",
        "topics --url ws://@http/sub/{topic}-{number} -t 3 -n 12 -m 9",
        "storm --url ws://@http/sub/{topic} -n 20 --steady 2 --rest 0",
        "slow --url ws://@http/sub/{topic} -n 6 --slow 1 --stopped --rounds 1 --duration 1s",
        "soak --url ws://@http/sub/{topic} -n 5 --duration 1s --interval 0.5s",
        "echo --url ws://@http/echo -n 5 -m 5",
    ];
    at_once(&cases, |case| {
        passes(&guarded.server.words(&format!("{case} --token-file {file}")));
    });
}

#[test]
fn a_command_makes_the_token_and_no_report_shows_it() {
    let guarded = Guarded::start();
    let script = guarded
        .folder
        .write("make.sh", &format!("{} ann\n", guarded.create));
    let words = "connect --url ws://@http/sub/a -n 5 --hold 0s --token-command=sh\u{a0}";
    // One word of the command line has a space.
    let words = guarded
        .server
        .words(words)
        .replace('\u{a0}', &format!("${{IFS}}{script}"));
    let figures = passes(&words);
    assert!(!figures.to_string().contains("make.sh"), "{figures}");
    assert!(figures.to_string().contains("(hidden)"), "{figures}");
}

#[test]
fn a_run_whose_tokens_are_not_accepted_says_what_to_do() {
    let guarded = Guarded::start();
    let connect = guarded
        .server
        .words("connect --url ws://@http/sub/a -n 5 --hold 0s");
    let said = says(1, &connect);
    for text in ["status 401", "--token-file", "corecast token create"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let said = says(1, &format!("{connect} --token a.b.c"));
    for text in ["status 401 (", "corecast token check"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(!said.contains("a.b.c"), "{said}");
    let figures = fails(&format!("{connect} --token a.b.c --no-preflight"));
    let failures = figures["opening"]["failures"].to_string();
    assert!(failures.contains("HTTP status 401: no token"), "{failures}");
    for (flags, text) in [
        ("--token-file /nowhere", "/nowhere: No such file"),
        ("--token-command false", "--token-command: exit status: 1"),
    ] {
        let said = says(1, &format!("{connect} {flags}"));
        assert!(said.contains(text), "{said}");
    }
    says(2, &format!("{connect} --token a --token-file b"));
}
