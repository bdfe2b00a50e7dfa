//! The tokens that connections show: one for all, those of a file in turn, or what a command makes.

use std::fs;
use std::io::{Write, stderr};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Args;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use data_encoding::BASE64URL_NOPAD;
use rustix::thread::{Timespec, nanosleep};
use serde_json::Value;

use crate::clock::wall_secs;
use crate::run::leader::RunError;

/// The flags that say which tokens connections show.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct TokenArgs {
    /// Token of every connection: in `Authorization: Bearer` over WebSocket, in the first frame
    /// over TCP. Other users of this host can see it; --token-file does not show it.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// File with tokens, one on each line, which connections take in turn by their number.
    /// `corecast token create --user 'u{number}' --count 1000` makes one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// Shell command that prints the token of every connection. It is run at the start, again when
    /// three quarters of the token's time are over (its claim exp), and when the server refuses the
    /// token or ends a connection as expired; at most once a second.
    #[arg(long, value_name = "COMMAND")]
    token_command: Option<String>,
    /// What the flags ask for, once it was read.
    #[arg(skip)]
    tokens: OnceLock<Tokens>,
}

/// The flags whose values no report shows.
pub(crate) const SECRET_FLAGS: [&str; 2] = ["token", "token-command"];
/// What it shows in their place.
pub(crate) const HIDDEN: &str = "(hidden)";

/// The tokens of a run.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Option<Source>);

#[derive(Clone)]
enum Source {
    /// Taken in turn.
    Listed(Arc<[Arc<str>]>),
    Made(Arc<Made>),
}

/// The newest token of a command, and the thread that runs it again.
struct Made {
    #[expect(
        clippy::disallowed_types,
        reason = "read once for each connection, and written at most once a second"
    )]
    token: std::sync::RwLock<Arc<str>>,
    wanted: Sender<()>,
}

/// The command is not run more often.
const BETWEEN_RUNS: Duration = Duration::from_secs(1);
/// A token without an end is looked at again after this long, in vain.
const NO_END: Duration = Duration::from_secs(3600);
const MALFORMED: &str = "is no token: it is empty or has other characters than A-Z a-z 0-9 -._~+/=";

impl TokenArgs {
    /// The tokens that are asked for; the first call reads the file or runs the command.
    pub(crate) fn tokens(&self) -> Result<Tokens, RunError> {
        if let Some(tokens) = self.tokens.get() {
            return Ok(tokens.clone());
        }
        let tokens = Tokens(self.source().map_err(RunError::Failed)?);
        Ok(self.tokens.get_or_init(|| tokens).clone())
    }

    /// Takes these instead of what the flags ask for; none are none.
    pub(crate) fn give(&self, tokens: &[String]) -> Result<(), String> {
        let tokens = tokens
            .iter()
            .map(|token| checked("a token of the plan", token));
        let tokens: Vec<Arc<str>> = tokens.collect::<Result<_, _>>()?;
        let source = (!tokens.is_empty()).then(|| Source::Listed(tokens.into()));
        drop(self.tokens.set(Tokens(source)));
        Ok(())
    }

    fn source(&self) -> Result<Option<Source>, String> {
        let listed = |tokens: Vec<Arc<str>>| Some(Source::Listed(tokens.into()));
        if let Some(token) = &self.token {
            return Ok(listed(vec![checked("--token", token)?]));
        }
        if let Some(file) = &self.token_file {
            let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            let lines = text.lines().enumerate();
            let tokens: Vec<Arc<str>> = lines
                .map(|(at, line)| checked(&format!("{file}:{}", at + 1), line.trim()))
                .collect::<Result<_, _>>()?;
            if tokens.is_empty() {
                return Err(format!("{file}: has no tokens; each is a line"));
            }
            return Ok(listed(tokens));
        }
        let Some(command) = self.token_command.clone() else {
            return Ok(None);
        };
        let (wanted, wants) = bounded(1);
        let first = run(&command)?;
        let made = Arc::new(Made {
            token: first.into(),
            wanted,
        });
        let weak = Arc::downgrade(&made);
        let renew = move || {
            while let Some(left) = weak.upgrade().map(|made| renewal(&made.newest())) {
                pause(BETWEEN_RUNS);
                wait(&wants, left);
                let Some(made) = weak.upgrade() else { return };
                match run(&command) {
                    Ok(token) => made.set(token),
                    // A terminal that went away is no reason not to go on.
                    Err(error) => drop(writeln!(stderr(), "warning: {error}")),
                }
            }
        };
        let thread = std::thread::Builder::new().name("tokens".to_owned());
        let begun = thread.spawn(renew).map(|_| Some(Source::Made(made)));
        begun.map_err(|error| error.to_string())
    }
}

impl Tokens {
    /// The token of a connection with this number.
    pub(crate) fn of(&self, number: usize) -> Option<Arc<str>> {
        match self.0.as_ref()? {
            Source::Listed(tokens) => Some(Arc::clone(&tokens[number % tokens.len()])),
            Source::Made(made) => Some(made.newest()),
        }
    }

    /// All of them, where none are made as they are needed.
    pub(crate) fn all(&self) -> Result<Vec<String>, String> {
        match &self.0 {
            None => Ok(Vec::new()),
            Some(Source::Listed(tokens)) => Ok(tokens.iter().map(ToString::to_string).collect()),
            Some(Source::Made(_)) => {
                Err("--token-command is not for --agents: take --token-file".to_owned())
            }
        }
    }

    /// The server has refused a token: a command is to make another.
    pub(crate) fn renew(&self) {
        if let Some(Source::Made(made)) = &self.0 {
            let told = made.wanted.try_send(());
            debug_assert!(!matches!(told, Err(TrySendError::Disconnected(()))));
        }
    }
}

impl Made {
    #[expect(clippy::expect_used, reason = "no one panics while writing it")]
    fn newest(&self) -> Arc<str> {
        Arc::clone(&self.token.read().expect("is never poisoned"))
    }

    #[expect(clippy::expect_used, reason = "no one panics while writing it")]
    fn set(&self, token: Arc<str>) {
        *self.token.write().expect("is never poisoned") = token;
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(..)")
    }
}

/// Runs a command; the token that it prints.
fn run(command: &str) -> Result<Arc<str>, String> {
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", command]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("--token-command: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim();
        return Err(format!("--token-command: {}: {said}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    checked("the output of --token-command", text.trim())
}

/// A text that can be a token (RFC 6750 section 2.1).
fn checked(what: &str, text: &str) -> Result<Arc<str>, String> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_fine) {
        true => Ok(text.into()),
        false => Err(format!("{what} {MALFORMED}")),
    }
}

/// How long a token need not be renewed: three quarters of the time up to its `exp`.
fn renewal(token: &str) -> Duration {
    let end = exp(token);
    end.map_or(NO_END, |end| {
        let left = Duration::from_secs(end.saturating_sub(wall_secs()));
        left.mul_f64(0.75)
    })
}

/// The claim `exp` of a JSON Web Token (RFC 7519).
fn exp(token: &str) -> Option<u64> {
    let payload = token.split('.').nth(1)?;
    let claims = BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["exp"].as_u64()
}

/// Waits until a token is wanted, at most so long.
fn wait(wants: &Receiver<()>, most: Duration) {
    // Either way it is time to look.
    wants.recv_timeout(most).unwrap_or_default();
}

fn pause(time: Duration) {
    // Cut short by a signal it is still a pause.
    drop(nanosleep(&Timespec::try_from(time).unwrap_or_default()));
}

#[cfg(test)]
mod tests;
