//! Several machines that load together: a leader with the plan and the verdict, and agents that
//! each make a part of it.
//!
//! An agent makes its part with the same crews as a run of its own. The leader looks at controls
//! and a progress as it always does; its links keep them true.

mod clocks;
mod flags;
pub(crate) mod host;
mod link;
mod mirror;
mod secret;
pub(crate) mod wire;
pub(crate) mod work;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use serde::Serialize;

pub(crate) use crate::agents::flags::AgentsArgs;
use crate::agents::flags::passed_on;
use crate::agents::link::{Host, Link};
use crate::agents::mirror::Mirror;
use crate::agents::secret::Secret;
use crate::agents::wire::{Outcome, Part, Task};
use crate::client::control::{Control, News};
use crate::flags::ClientArgs;
use crate::pubsub::Heard;
use crate::pubsub::progress::Progress;
use crate::report::ClientCost;
use crate::run::leader::RunError;

/// The agents of a run.
pub(crate) struct Agents {
    threads: Vec<JoinHandle<Made>>,
    mirror: Mirror,
    /// From each link: what its agent has sent, or none where it is lost.
    sent: Receiver<Option<Vec<u32>>>,
    /// To each link: what all have sent.
    totals: Vec<Sender<Vec<u32>>>,
    publishers: usize,
}

/// What an agent was to a run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct AgentFigures {
    pub(crate) name: String,
    /// What its clock was ahead of the leader's, and how far off that is at most.
    clock_ahead_us: f64,
    clock_error_us: f64,
    /// Of its threads.
    busy_share: f64,
    received: u64,
    /// Why it was lost, if it was.
    pub(crate) lost: Option<String>,
}

/// What is left of a link.
struct Made {
    figures: AgentFigures,
    outcome: Option<Outcome>,
}

/// What all agents found.
pub(crate) struct Sum {
    pub(crate) heard: Heard,
    pub(crate) client: ClientCost,
    pub(crate) agents: Vec<AgentFigures>,
}

/// Connections of an agent for which one thread is enough.
const CONNS_PER_THREAD: usize = 256;
/// Descriptors of an agent's thread that are no connections.
const RESERVED_FDS: u64 = 100;
impl Task {
    /// Threads of each agent for so many connections of all: the same on every one, since places
    /// are dealt out to the threads of all in turn.
    pub(crate) fn threads_for(&self, conns: usize) -> usize {
        let share = conns.div_ceil(self.part.of);
        self.threads.min(share.div_ceil(CONNS_PER_THREAD)).max(1)
    }
}

impl Agents {
    /// Connects to all, gives each its part, and follows them from then on.
    pub(crate) fn start(
        client: &ClientArgs,
        (run, topic): (u32, &str),
        conns: [usize; 2],
        (subscribers, publishers): (&Arc<Control>, &Arc<Control>),
        progress: &Arc<Progress>,
        news: &Sender<News>,
    ) -> Result<Self, RunError> {
        let args = &client.agents;
        let secret = Secret::read(args.secret_file.as_ref()).map_err(RunError::Usage)?;
        let Some((command, flags)) = args.words.get() else {
            return Err(RunError::Failed("the flags are not known".to_owned()));
        };
        let mirror = Mirror {
            subscribers: Arc::clone(subscribers),
            publishers: Arc::clone(publishers),
            progress: Arc::clone(progress),
        };
        let (opened_to, opened) = unbounded();
        let (ready_to, ready) = unbounded();
        let (sent_to, sent) = unbounded();
        let (mut threads, mut tasks, mut totals) = (Vec::new(), Vec::new(), Vec::new());
        for name in &args.agents {
            let (task_to, task) = bounded(1);
            let (total_to, total) = bounded(1);
            tasks.push(task_to);
            totals.push(total_to);
            let ends = Ends {
                opened: opened_to.clone(),
                task,
                ready: ready_to.clone(),
                mirror: mirror.clone(),
                sent: sent_to.clone(),
                total,
                news: news.clone(),
                publishers: conns[1],
            };
            let (name, secret) = (name.clone(), secret.clone());
            let body = move || ends.live(&name, &secret);
            let builder = thread::Builder::new().name("agent".to_owned());
            threads.push(builder.spawn(body)?);
        }
        drop((opened_to, ready_to));
        let of = tasks.len();
        let hosts = each(&opened, of)?;
        let task = Task {
            command: command.clone(),
            flags: passed_on(flags, topic),
            tokens: client.tokens.tokens()?.all().map_err(RunError::Usage)?,
            part: Part::default(),
            threads: threads_of_each(client.threads, &hosts, conns[0].max(conns[1])),
            run,
            ahead_ns: 0,
        };
        for (number, task_to) in tasks.iter().enumerate() {
            let part = Part { number, of };
            // A link that has ended has said why.
            drop(task_to.send(Task {
                part,
                ..task.clone()
            }));
        }
        each(&ready, of).inspect_err(|_| mirror.subscribers.stop())?;
        Ok(Self {
            threads,
            mirror,
            sent,
            totals,
            publishers: conns[1],
        })
    }

    /// Ends the run and adds up what the agents found.
    pub(crate) fn finish(self) -> Sum {
        self.mirror.subscribers.stop();
        let mut sent = vec![0; self.publishers];
        for found in self.sent.iter().take(self.threads.len()).flatten() {
            for (all, part) in sent.iter_mut().zip(found) {
                *all = part.max(*all);
            }
        }
        for total in &self.totals {
            // A link whose agent is lost does not wait for it.
            drop(total.send(sent.clone()));
        }
        let mut sum = Sum {
            heard: Heard::default(),
            client: ClientCost::default(),
            agents: Vec::new(),
        };
        let made = self
            .threads
            .into_iter()
            .filter_map(|thread| thread.join().ok());
        for mut made in made {
            if let Some(Outcome { heard, client }) = made.outcome {
                made.figures.busy_share = client.busy_share;
                made.figures.received = heard.received;
                sum.client.add(client);
                sum.heard.merge(heard);
            }
            sum.agents.push(made.figures);
        }
        sum.heard.sent = sent;
        sum.heard.conclude();
        sum
    }
}

/// How far off a latency is at most that two agents' clocks took, in microseconds.
pub(crate) fn latency_error_us(agents: &[AgentFigures]) -> f64 {
    let mut errors: Vec<f64> = agents.iter().map(|agent| agent.clock_error_us).collect();
    errors.sort_by(|one, other| other.total_cmp(one));
    errors.iter().take(2).sum()
}

/// What ties the thread of a link to the leader.
struct Ends {
    /// What the agent's host has, or why it cannot be had.
    opened: Sender<Result<Host, String>>,
    task: Receiver<Task>,
    /// The agent has its part, or why it has not.
    ready: Sender<Result<(), String>>,
    mirror: Mirror,
    sent: Sender<Option<Vec<u32>>>,
    total: Receiver<Vec<u32>>,
    news: Sender<News>,
    publishers: usize,
}

/// What each of so many links says, or the first failure.
fn each<T>(from: &Receiver<Result<T, String>>, links: usize) -> Result<Vec<T>, RunError> {
    let said = from.iter().take(links);
    let said: Vec<T> = said.collect::<Result<_, _>>().map_err(RunError::Failed)?;
    if said.len() < links {
        let text = "the thread of a link has ended without a word";
        return Err(RunError::Failed(text.to_owned()));
    }
    Ok(said)
}

impl Ends {
    /// The life of a link: it opens it, follows its agent, and fetches what that found. All links
    /// live at once, since an agent waits for a leader but a few seconds.
    fn live(self, name: &str, secret: &Secret) -> Made {
        let mut made = Made {
            figures: AgentFigures {
                name: name.to_owned(),
                ..AgentFigures::default()
            },
            outcome: None,
        };
        match self.begin(name, secret) {
            Ok(link) => self.follow(link, &mut made),
            Err(why) => made.figures.lost = Some(why),
        }
        made
    }

    fn begin(&self, name: &str, secret: &Secret) -> Result<Link, String> {
        // The leader that does not listen any more has given up because of another link.
        let mut link =
            Link::open(name, secret).inspect_err(|why| drop(self.opened.send(Err(why.clone()))))?;
        drop(self.opened.send(Ok(link.host)));
        let given = link.wait_for(&self.task).and_then(|task| link.give(task));
        drop(self.ready.send(given.clone()));
        given.map(|()| link)
    }

    fn follow(&self, mut link: Link, made: &mut Made) {
        made.figures.clock_ahead_us = link.ahead.ns as f64 / 1e3;
        made.figures.clock_error_us = link.ahead.error_ns as f64 / 1e3;
        // The other ends of these channels are there until all links have ended.
        let found = link.follow(&self.mirror).and_then(|()| link.stop());
        let result = match found {
            Ok((error_ns, found)) => {
                made.figures.clock_error_us = error_ns as f64 / 1e3;
                drop(self.sent.send(Some(found)));
                let total = self.total.recv();
                total.map_err(|_| "the leader is gone".to_owned())
            }
            Err(why) => {
                let text = format!("agent {} is lost: {why}", link.name);
                drop(self.news.send(News::Lost(text)));
                drop(self.sent.send(None));
                Err(why)
            }
        };
        match result.and_then(|total| link.result(total, self.publishers)) {
            Ok(outcome) => made.outcome = Some(outcome),
            Err(why) => made.figures.lost = Some(why),
        }
    }
}

/// Threads of each agent: as many as it has CPUs, or as descriptors ask for.
fn threads_of_each(asked: Option<usize>, hosts: &[Host], conns: usize) -> usize {
    let share = conns.div_ceil(hosts.len().max(1)) as u64;
    let needed = hosts.iter().map(|host| {
        let per_table = host.descriptors.saturating_sub(RESERVED_FDS).max(1);
        usize::try_from(share.div_ceil(per_table)).unwrap_or(usize::MAX)
    });
    let cpus = hosts.iter().map(|host| host.cpus).min().unwrap_or(1);
    needed.max().unwrap_or(1).max(asked.unwrap_or(cpus))
}
