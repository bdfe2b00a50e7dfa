//! `storm`: all leave, all come back, and others must not notice.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::check::message::Form;
use crate::client::Plan;
use crate::client::control::load;
use crate::client::opener::{Habits, WINDOW};
use crate::client::outbox::Leave;
use crate::clock::{now_ns, seconds};
use crate::flags::{ClientArgs, TopicArgs, count, from_one, payload_bytes, rate, seconds_of};
use crate::host::procfs;
use crate::pubsub::churn::Churn;
use crate::pubsub::positions::{LINE_BYTES_MAX, SUBPROTOCOL};
use crate::pubsub::progress::Progress;
use crate::pubsub::{Audience, Publisher};
use crate::report::figures::Found;
use crate::report::{Counts, Deliveries, Opening, add_counts, ratio};
use crate::run::leader::{RunError, Waited};
use crate::run::record::Percentiles;
use crate::run::targets::{Topic, check_ports, usage};
use crate::run::{Scenario, Scene, plan, preflight};
use crate::url::Target;

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  10,000 subscribers are cut and come back at once, three times:
    loadtest storm --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --rounds 3 \\
      --server-pid $(pidof -s corecast)
  They have missed 300 messages of a topic with history, and get them:
    loadtest storm --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --resume --missed 300 \\
      --server-pid $(pidof -s corecast)
  They close properly, and come back within 10 s, each at a random time:
    loadtest storm --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --close --jitter 10";

/// All subscribers leave at once and come back at once, beside steady ones.
///
/// The steady ones listen to a topic of their own, at a fixed rate; their latencies before, while
/// the others come back, and after are told apart. When all are back, one message must reach every
/// one of them. One that is refused tries again until nothing has moved for --timeout.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StormArgs {
    /// Where it connects.
    #[command(flatten)]
    at: TopicArgs,
    /// Where the steady ones connect, to another topic [default: the first --url, with another name
    /// in the place of `{topic}`].
    #[arg(long)]
    steady_url: Option<String>,
    /// Subscribers that leave and come back, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = count())]
    connections: u32,
    /// How often.
    #[arg(long, default_value_t = 1, value_parser = count())]
    rounds: u32,
    /// They go on where they were when they come back: with `corecast.positions`, of a topic with
    /// history. Each must have every message then, or be told of a gap.
    #[arg(long)]
    resume: bool,
    /// Messages that are published while they are away; with --resume.
    #[arg(
        long,
        value_name = "MESSAGES",
        default_value_t = 0,
        requires = "resume"
    )]
    missed: u32,
    /// They leave with the closing handshake; without it their sockets are closed without a word.
    #[arg(long)]
    close: bool,
    /// Seconds within which they come back, each at a random time.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = seconds_of)]
    jitter: f64,
    /// Attempts under way per thread.
    #[arg(long, default_value_t = WINDOW, value_parser = from_one())]
    window: usize,
    /// Subscribers that stay, at least 1.
    #[arg(long, default_value_t = 100, value_parser = count())]
    steady: u32,
    /// Messages per second to those that stay.
    #[arg(long, default_value_t = 100.0, value_parser = rate)]
    rate: f64,
    /// Seconds of rest before the first round and after each.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds_of)]
    rest: f64,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    payload: u32,
    /// What all client commands take.
    #[command(flatten)]
    client: ClientArgs,
}

/// Its opening is the first time, before any storm, with the failures of the whole run; its
/// client's cost is that of the last round, while connections came back.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    closed_properly: bool,
    jitter_s: f64,
    resumed: bool,
    missed_messages: u32,
    rounds: Vec<Round>,
    /// From connect(2) to live, of all tries that got there.
    connect_to_live: Percentiles,
    /// One message in each round, to all that were to come back.
    deliveries: Deliveries,
    steady: Steady,
    /// Why the server ended connections that were live.
    ended_early_by_kind: Counts,
    /// Close frames that the server did not answer with one; `opening.failures` has why.
    close_unanswered: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Round {
    /// Until all had left.
    leave_s: f64,
    live_again: u64,
    /// From when they were told to come back until all were live.
    all_live_s: f64,
    opened_per_s: f64,
    /// Tries that failed and were followed by another.
    retries: u64,
    /// Of the server, while they came back, per connection; the steady load is part of it.
    server_cpu_us_per_connection: Option<f64>,
    #[serde(flatten)]
    recovery: Option<Recovery>,
}

/// How those that resumed came to have everything.
#[derive(Clone, Debug, Default, Serialize)]
struct Recovery {
    /// From when they were told to come back until all had all messages.
    caught_up_s: f64,
    messages_per_s: f64,
    gaps_told: u64,
    /// Of the server meanwhile, for each message that was missed and had.
    server_cpu_us_per_message: Option<f64>,
    /// The most memory of the server meanwhile, over what it was before.
    server_rss_over_start_bytes: Option<u64>,
}

/// Those that stayed.
#[derive(Clone, Debug, Default, Serialize)]
struct Steady {
    url: String,
    subscribers: u32,
    rate_per_s: f64,
    messages_sent: u32,
    deliveries: Deliveries,
    /// From when a message was due to each delivery: before the first round, while others left and
    /// came back, and after they were back.
    latency_before: Percentiles,
    latency_during: Percentiles,
    latency_after: Percentiles,
    /// From when a message was due to when it was sent.
    lateness: Percentiles,
}

struct Storm<'a> {
    args: &'a StormArgs,
    scene: Scene<'a>,
    /// Those that leave, and the publisher of the messages that tell which are back.
    leavers: Audience,
    caller: Publisher,
    steady: Audience,
    publisher: Publisher,
    figures: Figures,
}

/// What was sent is published within this time.
const SETTLE: Duration = Duration::from_millis(200);
/// The topic of the steady ones, for [`Form::on_topic`].
const STEADY: u32 = 1;

impl Scenario for StormArgs {
    type Setup = (Topic, Target);
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    /// Where those that leave connect, and where the steady ones do.
    fn setup(&self) -> Result<(Topic, Target), RunError> {
        let first = self.at.url.first().map_or("", String::as_str);
        if self.steady_url.is_none() && !first.contains("{topic}") {
            return usage(
                "the steady ones need a topic of their own: {topic} in --url, or --steady-url",
            );
        }
        let url = self.steady_url.as_deref().unwrap_or(first);
        let topic = self.at.start(self.connections)?;
        let other = format!("{}-steady", topic.name);
        let steady = Target::parse(url, &other).map_err(RunError::Usage)?;
        let all = [std::slice::from_ref(&steady), &topic.targets].concat();
        check_ports(&all, self.connections as usize)?;
        Ok((topic, steady))
    }

    fn run(&self, setup: (Topic, Target)) -> Result<Found<Figures>, RunError> {
        let mut storm = Storm::start(self, setup)?;
        let mut waited = storm.open()?;
        for _ in 0..self.rounds {
            waited = waited.then(|| storm.round())?;
        }
        storm.finish(waited)
    }
}

impl<'a> Storm<'a> {
    fn start(args: &'a StormArgs, setup: (Topic, Target)) -> Result<Self, RunError> {
        let (Topic { run, targets, .. }, steady_target) = setup;
        let (conns, steady) = (args.connections as usize, args.steady as usize);
        let mut figures = Figures {
            closed_properly: args.close,
            jitter_s: args.jitter,
            resumed: args.resume,
            missed_messages: args.missed,
            ..Figures::default()
        };
        figures.steady.url = steady_target.to_string();
        figures.steady.subscribers = args.steady;
        figures.steady.rate_per_s = args.rate;
        let form = Form::new(run, args.payload as usize);
        let steady_form = form.on_topic(STEADY);
        let called = targets[0].for_publishing();
        preflight::delivers(&args.client, &targets[0], &called)?;
        let mut all = Scene::new(&args.client, &targets);
        let scene = &mut all;
        let caller = Publisher::start(scene, called, &form, None, conns + steady)?;
        let (published, source) = (steady_target.for_publishing(), conns + steady + 1);
        let rate = Some(args.rate);
        let publisher = Publisher::start(scene, published, &steady_form, rate, source)?;
        let leaver = Plan {
            subprotocol: args.resume.then_some(SUBPROTOCOL),
            habits: Habits {
                window: args.window,
                tries_max: u16::MAX,
            },
            ..plan("subscriber", targets, conns, &form)
        };
        let leaver = Plan {
            payload_max: leaver.payload_max + LINE_BYTES_MAX,
            ..leaver
        };
        let progress = Progress {
            resumes: args.resume,
            churn: Churn {
                how: Some(if args.close { Leave::Close } else { Leave::Cut }),
                jitter_s: args.jitter,
                ..Churn::default()
            },
            ..caller.progress(scene.leader.pulse())
        };
        let leavers = Audience::start(scene, leaver, &form, progress)?;
        let stayer = Plan {
            first_source: conns,
            ..plan("steady", vec![steady_target], steady, &steady_form)
        };
        let progress = Progress {
            has_phases: true,
            ..publisher.progress(scene.leader.pulse())
        };
        let steady = Audience::start(scene, stayer, &steady_form, progress)?;
        let mut watch = scene.watch();
        let [retries, live] = [(); 2].map(|()| Arc::clone(leavers.control()));
        watch.counter("deliveries_per_s", steady.deliveries());
        watch.counter("opened_per_s", move || load(&live.opened));
        watch.counter("retries_per_s", move || load(&retries.retries));
        scene.leader.watch(watch);
        Ok(Self {
            args,
            scene: all,
            leavers,
            caller,
            steady,
            publisher,
            figures,
        })
    }

    fn rest(&mut self) -> Result<(), RunError> {
        let rest = Duration::try_from_secs_f64(self.args.rest).unwrap_or_default();
        self.scene.leader.pause(rest)
    }

    /// Opens all connections and begins with the steady load.
    fn open(&mut self) -> Result<Waited, RunError> {
        let (conns, scene) = (self.args.connections, &mut self.scene);
        let (control, steady) = (self.steady.control(), u64::from(self.args.steady));
        let mut waited = scene.open_all(self.leavers.control(), conns, "subscribers")?;
        waited = waited.then(|| scene.open(control, steady, "steady"))?;
        for publisher in [&self.caller, &self.publisher] {
            waited = waited.then(|| publisher.open(&mut scene.leader))?;
        }
        if waited == Waited::Done {
            self.publisher.begin();
            self.rest()?;
        }
        Ok(waited)
    }

    fn round(&mut self) -> Result<Waited, RunError> {
        let conns = u64::from(self.args.connections);
        let control = Arc::clone(self.leavers.control());
        let leader = &mut self.scene.leader;
        leader.mark("all leave", None);
        let start = now_ns();
        self.steady.progress.begin_phase(start);
        let left = load(&control.left) + conns;
        control.live.store(0, Ordering::Release);
        let leavings = &self.leavers.progress.churn.leavings;
        leavings.fetch_add(1, Ordering::AcqRel);
        control.ring_all();
        let is_lost = || control.has_ended();
        let mut waited = leader.wait_for("left", left, || load(&control.left), is_lost)?;
        let mut round = Round {
            leave_s: seconds(start, now_ns()),
            ..Round::default()
        };
        waited = waited.then(|| self.publish_missed())?;
        let retries = load(&control.retries);
        waited = waited.then(|| self.come_back(&mut round))?;
        round.retries = load(&control.retries) - retries;
        self.figures.rounds.push(round);
        if waited == Waited::Done {
            self.caller.send_one();
            let leader = &mut self.scene.leader;
            waited = self
                .leavers
                .hear(self.caller.timeline.allowed(), conns, leader)?;
        }
        self.rest()?;
        Ok(waited)
    }

    /// Publishes what those that are away miss.
    fn publish_missed(&mut self) -> Result<Waited, RunError> {
        let leader = &mut self.scene.leader;
        let wanted = u64::from(self.caller.send(self.args.missed));
        let sent = || u64::from(self.caller.timeline.sent());
        let waited = leader.wait_for("missed", wanted, sent, || self.caller.has_ended())?;
        // The server has them when the publisher has sent them, or soon after.
        leader.pause(SETTLE)?;
        Ok(waited)
    }

    fn come_back(&mut self, round: &mut Round) -> Result<Waited, RunError> {
        let (conns, pid) = (self.args.connections, self.scene.pid());
        let scene = &mut self.scene;
        let (control, churn) = (self.leavers.control(), &self.leavers.progress.churn);
        let (leavers, messages) = (&self.leavers, self.caller.timeline.allowed());
        let memory = || pid.and_then(|pid| procfs::rss_bytes(pid).ok());
        let (before, most) = (memory(), Cell::new(0));
        let (is_recovering, gaps) = (self.args.resume, leavers.gaps());
        let mut back_at = 0;
        let begin = |now| {
            back_at = now;
            churn.returns.fetch_add(1, Ordering::AcqRel);
            control.ring_all();
        };
        let (waited, spent) = scene.measure_amid(begin, |leader| {
            let waited = leader.wait_live(control, u64::from(conns), "live again")?;
            if !is_recovering {
                return Ok(waited);
            }
            waited.then(|| {
                let look = || most.set(most.get().max(memory().unwrap_or(0)));
                leavers.hear_while(messages, u64::from(conns), leader, look)
            })
        })?;
        self.steady.progress.end_phase(now_ns());
        scene.leader.mark("all live again", None);
        let opening = Opening::new(conns, control, back_at);
        round.live_again = opening.live;
        (round.all_live_s, round.opened_per_s) = (opening.open_s, opening.opened_per_s);
        let cpu_us = ratio(spent.server.cpu_s() * 1e6, f64::from(conns));
        round.server_cpu_us_per_connection = scene.pid().map(|_| cpu_us);
        if is_recovering {
            let missed = f64::from(conns) * f64::from(self.args.missed);
            let cpu_us = ratio(spent.server.cpu_s() * 1e6, missed);
            round.recovery = Some(Recovery {
                caught_up_s: spent.wall_s,
                messages_per_s: ratio(missed, spent.wall_s),
                gaps_told: leavers.gaps() - gaps,
                server_cpu_us_per_message: pid.map(|_| cpu_us),
                server_rss_over_start_bytes: before.map(|bytes| most.get().saturating_sub(bytes)),
            });
        }
        scene.base.client = spent.client;
        Ok(waited)
    }

    fn finish(self, mut waited: Waited) -> Result<Found<Figures>, RunError> {
        let (mut scene, mut figures) = (self.scene, self.figures);
        let mut sent = self.publisher.timeline.sent();
        if sent > 0 {
            sent = self.publisher.end(&mut scene.leader)?;
            let steady = u64::from(self.args.steady);
            let heard = self.steady.hear_all(steady, sent, &mut scene.leader)?;
            waited = if heard == Waited::Done { waited } else { heard };
        }
        let is_over = self.caller.has_ended() || self.publisher.has_ended();
        let opening = &mut scene.base.opening;
        opening.ended_early = self.leavers.ended() + self.steady.ended();
        figures.close_unanswered = self.leavers.unanswered();
        let called = self.caller.timeline.sent();
        self.caller.stop(opening)?;
        figures.steady.lateness = self.publisher.stop(opening)?.percentiles();
        let leavers = self.leavers.stop(called, opening)?;
        figures.deliveries = leavers.deliveries;
        figures.connect_to_live = leavers.took.percentiles();
        figures.ended_early_by_kind = leavers.ended;
        let heard = self.steady.stop(sent, opening)?;
        add_counts(&mut figures.ended_early_by_kind, &heard.ended);
        let steady = &mut figures.steady;
        let phases = heard.phases.map(|latency| latency.percentiles());
        [
            steady.latency_before,
            steady.latency_during,
            steady.latency_after,
        ] = phases;
        steady.messages_sent = sent;
        steady.deliveries = heard.deliveries;
        scene.base.passed = waited == Waited::Done
            && !is_over
            && opening.ended_early + figures.close_unanswered == 0
            && figures.deliveries.is_clean()
            && steady.deliveries.is_clean();
        Ok(scene.finish(figures.steady.lateness.p99_us, figures))
    }
}
