//! The part of a run that an agent makes, from what a leader asked for.

use serde_json::Value;

use crate::agents::flags::AGENTS_MAX;
use crate::agents::wire::{Counts, Outcome, Part, Task};
use crate::cli::{self, Command};
use crate::client::Done;
use crate::commands::broadcast;
use crate::flags::ClientArgs;
use crate::pubsub::{self, Members};
use crate::report::ClientCost;
use crate::run::Scenario;
use crate::run::leader::RunError;
use crate::run::remote::RemoteArgs;

/// A part that is being made.
pub(crate) trait Work {
    /// So many connections of all agents may be open.
    fn open(&self, subscribers: u64, publishers: u64);
    fn warm_up(&self);
    /// The first message is due then.
    fn begin(&self, at_ns: u64);
    fn counts(&self) -> Counts;
    /// Why it cannot go on, if it cannot.
    fn trouble(&self) -> Option<String>;
}

/// Follows a leader until the run is over.
pub(crate) type Follow<'a> = &'a dyn Fn(&dyn Work) -> Result<(), String>;

/// A part whose threads have ended.
pub(crate) struct Stopped {
    pub(crate) threads: Vec<Done<Members>>,
    /// Publishers of each topic, and of all.
    pub(crate) publishers: usize,
    pub(crate) all_publishers: usize,
    pub(crate) client: ClientCost,
}

impl Stopped {
    pub(super) fn sent(&self) -> Vec<u32> {
        pubsub::sent(&self.threads, self.all_publishers)
    }

    /// What was found, knowing what all agents have sent.
    pub(super) fn outcome(self, mut sent: Vec<u32>) -> Outcome {
        sent.resize(self.all_publishers, 0);
        let heard = pubsub::found(self.threads, sent, self.publishers).folded();
        Outcome {
            heard,
            client: self.client,
        }
    }
}

/// Flags that an agent takes from a leader: none that has it read or write files, or run anything.
const FLAGS: &[&str] = &[
    "url",
    "publish-url",
    "topic",
    "connections",
    "publishers",
    "messages",
    "payload",
    "rate",
    "duration",
    "hold",
    "deflate",
    "filler",
    "gather",
    "topics",
    "pick",
    "seed",
    "timeout",
    "window",
    "deadline",
];

/// Makes a part. It loads what `remote` allows, whatever the task says.
pub(super) fn make(task: Task, remote: &RemoteArgs, follow: Follow<'_>) -> Result<Stopped, String> {
    let words = words(&task)?;
    let why = |error| match error {
        RunError::Usage(text) | RunError::Failed(text) => text,
    };
    let made = match cli::command(&words).map_err(why)? {
        Command::Fanout(mut args) => {
            give(&mut args.client, task, remote)?;
            args.setup()
                .and_then(|setup| broadcast::part(setup, &args.client, follow))
        }
        Command::Topics(mut args) => {
            give(&mut args.client, task, remote)?;
            args.setup()
                .and_then(|setup| broadcast::part(setup, &args.client, follow))
        }
        Command::Chat(mut args) => {
            give(&mut args.client, task, remote)?;
            args.setup()
                .and_then(|setup| broadcast::part(setup, &args.client, follow))
        }
        Command::Connect(mut args) => {
            give(&mut args.client, task, remote)?;
            args.setup().and_then(|topic| args.part(&topic, follow))
        }
        _ => return Err(format!("{}: an agent makes no part of it", words[1])),
    };
    made.map_err(why)
}

/// What an agent's own command line says, and what is the task's.
fn give(client: &mut ClientArgs, mut task: Task, remote: &RemoteArgs) -> Result<(), String> {
    client.remote = remote.clone();
    client.quiet = true;
    client.sample_every = Some(0.0);
    client.tokens.give(&std::mem::take(&mut task.tokens))?;
    client.agents.task = Some(task);
    Ok(())
}

/// The words of the command.
fn words(task: &Task) -> Result<Vec<String>, String> {
    let Part { number, of } = task.part;
    if number >= of || of > AGENTS_MAX || task.threads == 0 {
        return Err("the plan has no such part".to_owned());
    }
    let mut words = vec!["loadtest".to_owned(), task.command.clone()];
    for (name, value) in &task.flags {
        if !FLAGS.contains(&name.as_str()) {
            return Err(format!("an agent takes no --{name} from a leader"));
        }
        let text = |value: &Value| match value {
            Value::String(text) => format!("--{name}={text}"),
            value => format!("--{name}={value}"),
        };
        match value {
            Value::Bool(true) => words.push(format!("--{name}")),
            Value::Bool(false) | Value::Null => {}
            Value::Array(values) => words.extend(values.iter().map(text)),
            value => words.push(text(value)),
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(command: &str, flags: Value) -> Task {
        Task {
            command: command.to_owned(),
            flags: flags.as_object().unwrap().clone(),
            threads: 1,
            ..Task::default()
        }
    }

    #[test]
    fn an_agent_does_no_more_than_it_may() {
        let refused = |task: Task| {
            let follow = |_: &dyn Work| panic!("nothing is made");
            match make(task, &RemoteArgs::default(), &follow) {
                Err(why) => why,
                Ok(_) => panic!("it was made"),
            }
        };
        let url = json!({ "url": ["ws://192.0.2.1:1/sub/a"], "rate": 1 });
        assert!(refused(task("fanout", url)).contains("--i-may-load 192.0.2.1"));
        for flag in [
            "json",
            "html",
            "token-command",
            "token-file",
            "i-may-load",
            "agents",
        ] {
            let flags = json!({ flag: "x" });
            assert!(refused(task("fanout", flags)).contains(flag), "{flag}");
        }
        let url = json!({ "url": "ws://127.0.0.1:1/sub/a" });
        for command in ["hostile", "floor", "agent", "run"] {
            let why = refused(task(command, url.clone()));
            assert!(!why.is_empty(), "{command}");
        }
        for (number, of) in [(2, 2), (0, AGENTS_MAX + 1), (0, usize::MAX)] {
            let beyond = Task {
                part: Part { number, of },
                ..task("fanout", url.clone())
            };
            assert!(refused(beyond).contains("no such part"));
        }
    }
}
