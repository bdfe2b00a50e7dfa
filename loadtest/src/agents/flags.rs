//! The flags of a leader, and what of a command's flags its agents are given.

use std::sync::OnceLock;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::agents::wire::{Part, Task};
use crate::run::leader::RunError;

/// The flags of a leader.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AgentsArgs {
    /// Agents that make the load, a list of HOST:PORT where `loadtest agent` listens. Each makes an
    /// equal part; this program leads and adds up. For fanout and chat with --rate, topics and
    /// connect.
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    pub(crate) agents: Vec<String>,
    /// File with the secret of the agents.
    #[arg(long, value_name = "FILE", requires = "agents")]
    pub(super) secret_file: Option<String>,
    /// The command and its flags, as they were read.
    #[arg(skip)]
    pub(super) words: OnceLock<(String, Map<String, Value>)>,
    /// Of an agent: its task.
    #[arg(skip)]
    pub(crate) task: Option<Task>,
}

/// Commands whose plan can be split.
const SPLIT: &[&str] = &["fanout", "connect", "topics", "chat"];
/// The most agents of a run.
pub(super) const AGENTS_MAX: usize = 100;
/// Flags that are the leader's own: where figures go, and what it alone looks at.
const OWN: &[&str] = &[
    "agents",
    "secret-file",
    "json",
    "html",
    "server-pid",
    "pss-at",
    "admin",
    "i-may-load",
    "yes",
    "source",
    "token",
    "token-file",
    "token-command",
    "threads",
    "quiet",
    "sample-every",
    "topic",
    "no-preflight",
];

impl AgentsArgs {
    /// Keeps what was asked for, for agents; refuses what they cannot do.
    pub(crate) fn note(&self, command: &str, flags: &Map<String, Value>) -> Result<(), RunError> {
        if self.agents.is_empty() {
            return Ok(());
        }
        let refuse = |text: String| Err(RunError::Usage(text));
        if !SPLIT.contains(&command) {
            let split = SPLIT.join(", ");
            return refuse(format!("--agents: {command} cannot be split; {split} can"));
        }
        if !matches!(command, "topics" | "connect") && !flags.contains_key("rate") {
            return refuse(format!(
                "--agents: {command} needs --rate; without it each message waits for the one \
                 before, across hosts"
            ));
        }
        if self.agents.len() > AGENTS_MAX {
            return refuse(format!("--agents: at most {AGENTS_MAX}"));
        }
        for flag in ["pss-at", "source"] {
            if flags.contains_key(flag) {
                return refuse(format!(
                    "--{flag} is not for a leader; see `loadtest agent --help`"
                ));
            }
        }
        drop(self.words.set((command.to_owned(), flags.clone())));
        Ok(())
    }

    /// Hosts that share the connections of a run.
    pub(crate) fn hosts(&self) -> usize {
        match &self.task {
            Some(task) => task.part.of,
            None => self.agents.len().max(1),
        }
    }

    /// The part that this process makes.
    pub(crate) fn part(&self) -> Part {
        self.task
            .as_ref()
            .map_or_else(Part::default, |task| task.part)
    }

    /// What this host's clock is ahead of that of the leader.
    pub(crate) fn ahead_ns(&self) -> i64 {
        self.task.as_ref().map_or(0, |task| task.ahead_ns)
    }
}

/// The flags that agents are given, with the topic of this run.
pub(super) fn passed_on(flags: &Map<String, Value>, topic: &str) -> Map<String, Value> {
    let is_theirs = |(name, _): &(&String, &Value)| !OWN.contains(&name.as_str());
    let flags = flags.iter().filter(is_theirs);
    let mut flags: Map<String, Value> = flags
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if flags.contains_key("duration") {
        // By default, and not beside it.
        flags.remove("messages");
    }
    flags.insert("topic".to_owned(), json!(topic));
    flags
}
