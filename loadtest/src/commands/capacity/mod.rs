//! `capacity`: raises the load until the latency breaks or something gives out.

pub(crate) mod cli;
mod evidence;
mod figures;
mod search;

use std::io::{Write, stderr};
use std::time::Duration;

use crate::clock::{now_ns, rest, seconds};
use crate::commands::broadcast;
use crate::commands::broadcast::cli::FanoutArgs;
use crate::commands::capacity::cli::{CapacityArgs, Raise};
use crate::commands::capacity::evidence::{Evidence, GaveOut, gave_out};
pub(crate) use crate::commands::capacity::figures::Figures;
use crate::commands::capacity::figures::{Answer, Step};
use crate::commands::capacity::search::Search;
use crate::flags::ClientArgs;
use crate::host::Host;
use crate::host::warning::{self, Demand};
use crate::report::figures::{Base, Found};
use crate::report::ratio;
use crate::run::Scenario;
use crate::run::leader::RunError;
use crate::run::targets::{Topic, usage};

/// Levels at which the search begins.
const FIRST_CONNECTIONS: u64 = 100;
const FIRST_RATE: u64 = 10;
/// Messages a second that are tried at most.
const RATE_MAX: u64 = 1_000_000;
const STEPS_MAX: usize = 100;
/// Rest after a step, and more for each connection that the server has to put away.
const REST: Duration = Duration::from_millis(300);
const REST_PER_CONNECTION: Duration = Duration::from_micros(10);
/// Warnings before a step that say that it cannot be made.
const LIMITS: [&str; 2] = ["host-memory", "server-descriptors"];

struct Capacity<'a> {
    args: &'a CapacityArgs,
    client: ClientArgs,
    ends_at: u64,
    figures: Figures,
    /// Of the last step that held.
    best: Option<Base>,
}

impl Scenario for CapacityArgs {
    type Setup = Topic;
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn setup(&self) -> Result<Topic, RunError> {
        if self.step > Duration::from_secs(600) {
            return usage("--step must be at most 10m");
        }
        self.at.start(&self.client, 1)
    }

    fn run(&self, topic: Topic) -> Result<Found<Figures>, RunError> {
        let mut capacity = Capacity::new(self);
        let mut conns = u64::from(self.connections.min(self.max_connections));
        if self.raise != Raise::Rate {
            let (search, most) = (
                Search::new(FIRST_CONNECTIONS, u64::from(self.max_connections)),
                u64::from(self.rate),
            );
            let answer = capacity.find(search, |level| (level, most))?;
            conns = conns.min(answer.connections.max(1));
            capacity.figures.most_connections = Some(answer);
        }
        if self.raise != Raise::Connections {
            let answer =
                capacity.find(Search::new(FIRST_RATE, RATE_MAX), |level| (conns, level))?;
            capacity.figures.most_messages = Some(answer);
        }
        Ok(capacity.finish(&topic))
    }
}

impl<'a> Capacity<'a> {
    fn new(args: &'a CapacityArgs) -> Self {
        let time = u64::try_from(args.time.as_nanos()).unwrap_or(u64::MAX);
        let mut client = args.client.clone();
        client.quiet = true;
        // No more is waited for what does not come than for what is late.
        client.timeout = client.timeout.min(2.0 * args.step.as_secs_f64() + 1.0);
        Self {
            args,
            client,
            ends_at: now_ns().saturating_add(time),
            figures: Figures {
                limit_p99_us: args.p99.as_secs_f64() * 1e6,
                payload_bytes: args.payload,
                ..Figures::default()
            },
            best: None,
        }
    }

    /// Searches the highest level that holds, where a level is so many connections and messages a
    /// second.
    fn find(
        &mut self,
        mut search: Search,
        load: impl Fn(u64) -> (u64, u64),
    ) -> Result<Answer, RunError> {
        let (mut answer, mut above) = (Answer::default(), None);
        while let Some(level) = search.level() {
            if now_ns() >= self.ends_at || self.figures.steps.len() >= STEPS_MAX {
                let text = format!("the next step was {level}, and --time was over");
                above = above.or_else(|| Some(GaveOut::new("time", text, "more --time")));
                break;
            }
            let (connections, messages_per_s) = load(level);
            let (step, gave_out) = self.try_step(connections, messages_per_s)?;
            let is_final = gave_out.as_ref().is_some_and(|gave_out| gave_out.is_final);
            search.tell(gave_out.is_none(), is_final);
            if gave_out.is_none() && search.held == level {
                answer.connections = connections;
                answer.messages_per_s = messages_per_s;
                (answer.deliveries_per_s, answer.p99_us) = (step.deliveries_per_s, step.p99_us);
            }
            if search.broke == Some(level) {
                above = gave_out.or(above);
            }
            self.figures.steps.push(step);
        }
        answer.broke_at = search.broke;
        let nothing = || GaveOut::new("nothing", "the most that may be tried held", "");
        answer.gave_out = above.unwrap_or_else(nothing);
        Ok(answer)
    }

    /// Makes one step, and says what gave out, if anything did.
    fn try_step(&mut self, conns: u64, rate: u64) -> Result<(Step, Option<GaveOut>), RunError> {
        let before = Host::read(self.client.server_pid);
        let demand = Demand {
            connections: conns,
            at_once: 0,
        };
        let mut warnings = warning::before(&before, demand).into_iter();
        let limit = warnings.find(|warning| LIMITS.contains(&warning.name.as_str()));
        let found = match limit {
            Some(limit) => Err(RunError::Usage(limit.to_string())),
            None => self.load(conns, rate),
        };
        let after = Host::read(None);
        let mut seen = Evidence {
            connections: conns,
            overflows: after.overflows_since(&before),
            is_local: self.client.server_pid.is_some(),
            ..Evidence::default()
        };
        let mut step = Step {
            connections: conns,
            messages_per_s: rate,
            ..Step::default()
        };
        let base = match found {
            // So many connections cannot be asked for.
            Err(RunError::Usage(why)) => {
                seen.refused = Some(why);
                None
            }
            Err(error) => return Err(error),
            Ok(found) => {
                see(&found, &before, &mut seen);
                note(&found, &mut step);
                Some(found.base)
            }
        };
        let gave_out = gave_out(&seen, self.figures.limit_p99_us);
        step.held = gave_out.is_none();
        self.best = base.filter(|_| step.held).or_else(|| self.best.take());
        step.gave_out = gave_out
            .as_ref()
            .map(|it| it.what.clone())
            .unwrap_or_default();
        self.show(&step, gave_out.as_ref());
        self.client.no_preflight = true;
        rest(REST + REST_PER_CONNECTION * u32::try_from(conns).unwrap_or(u32::MAX));
        Ok((step, gave_out))
    }

    fn load(&self, conns: u64, rate: u64) -> Result<Found<broadcast::Figures>, RunError> {
        let conns = u32::try_from(conns).unwrap_or(u32::MAX);
        let load = (conns, rate as f64, self.args.step.as_secs_f64());
        let (at, client) = (self.args.at.clone(), self.client.clone());
        let args = FanoutArgs::step(at, client, load, self.args.payload);
        args.run(args.setup()?)
    }

    fn show(&self, step: &Step, gave_out: Option<&GaveOut>) {
        if self.args.client.quiet {
            return;
        }
        let number = self.figures.steps.len() + 1;
        let Step {
            connections,
            messages_per_s,
            p99_us,
            ..
        } = step;
        let said = match gave_out {
            None => format!("held, p99 {:.1} ms", p99_us / 1e3),
            Some(it) => format!("broke: {}: {}", it.what, it.evidence),
        };
        let left = seconds(now_ns(), self.ends_at);
        // A terminal that went away is no reason to end.
        drop(writeln!(
            stderr(),
            "loadtest: step {number}, {left:.0} s left: {connections} connections, \
             {messages_per_s} messages/s: {said}"
        ));
    }

    fn finish(self, topic: &Topic) -> Found<Figures> {
        let mut figures = self.figures;
        let mut base = self.best.unwrap_or_default();
        let answers = [&figures.most_connections, &figures.most_messages];
        base.passed = answers
            .into_iter()
            .flatten()
            .all(|answer| answer.connections > 0);
        base.urls = topic.targets.iter().map(ToString::to_string).collect();
        // They are of one step of many.
        (base.warnings, base.series) = Default::default();
        figures.steps.truncate(STEPS_MAX);
        Found { base, own: figures }
    }
}

/// What a run shows of what may have given out.
fn see(found: &Found<broadcast::Figures>, host: &Host, seen: &mut Evidence) {
    let (base, own) = (&found.base, &found.own);
    let deliveries = &own.deliveries;
    seen.live = base.opening.live;
    seen.failures = base.opening.failures.clone();
    seen.ended_early = base.opening.ended_early;
    seen.wrong = deliveries.duplicated
        + deliveries.reordered
        + deliveries.misordered
        + deliveries.subscribers_off_order
        + deliveries.foreign;
    seen.missing = deliveries.expected.saturating_sub(deliveries.got);
    seen.p99_us = own.latency.p99_us;
    seen.client_share = base.client.busy_share;
    let used_s: f64 = base.client.cpu_s_by_thread.iter().sum();
    seen.client_cores = ratio(used_s, own.message_phase_s);
    (seen.host, seen.host_cpus) = (base.host_cpu, host.cpus.len());
    let cpus = host.server_cpus();
    seen.server_cores = own.server.as_ref().map(|cost| cost.busy_cores).zip(cpus);
    seen.shard_share = base.admin.and_then(|admin| admin.busiest_shard_share);
}

fn note(found: &Found<broadcast::Figures>, step: &mut Step) {
    let (base, own) = (&found.base, &found.own);
    step.deliveries_per_s = own.deliveries_per_s;
    step.p99_us = own.latency.p99_us;
    let asked = base.admin.and_then(|admin| admin.busy_cores);
    step.server_busy_cores = own.server.as_ref().map(|cost| cost.busy_cores).or(asked);
    step.client_busy_share = base.client.busy_share;
    step.host_busy_share = base.host_cpu.busy_share;
}
