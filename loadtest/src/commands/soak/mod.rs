//! `soak`: a steady load for as long as it is asked for.

mod figures;

use std::io::{Write, stdout};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use crossbeam_channel::Receiver;

use crate::check::message::Form;
use crate::client::control::load;
use crate::clock::{now_ns, seconds};
use crate::commands::soak::figures::{Interval, collect, growth_percent};
use crate::flags::{ClientArgs, TopicArgs, churn, count, duration, interval, payload_bytes, rate};
use crate::host::procfs;
use crate::pubsub::churn::Churn;
use crate::pubsub::progress::Progress;
use crate::pubsub::{Audience, Publisher};
use crate::report::Counts;
use crate::report::figures::Found;
use crate::run::leader::{Leader, RunError, Waited};
use crate::run::record::Recorder;
use crate::run::series::{Part, Pulse};
use crate::run::targets::{Topic, publish_target, usage};
use crate::run::{Scenario, Scene, plan, preflight};
use crate::url::Target;

pub(crate) use crate::commands::soak::figures::Figures;

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  Two hours, 1,000 subscribers, 20 messages a second, 10 of them leaving and returning each second:
    loadtest soak --url 'ws://127.0.0.1:8080/sub/{topic}' -n 1000 \\
      --rate 20 --churn 10 --duration 2h --server-pid $(pidof -s corecast)";

/// A steady load for hours, with some connections that leave and return.
///
/// Half of those that leave are cut, half close with the closing handshake; each returns at once.
/// A connection that was live when a message began must get it, once and in order. Prints a line of
/// latencies and memory for each interval. Fails if messages are lost, if the server ends a
/// connection, or if its memory grows by more than --memory-growth-max after the first third.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SoakArgs {
    /// Where it connects.
    #[command(flatten)]
    at: TopicArgs,
    /// Where the publisher connects [default: the first --url, /sub/ replaced by /pub/].
    #[arg(long)]
    publish_url: Option<String>,
    /// Subscribers, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = count())]
    connections: u32,
    /// Messages per second.
    #[arg(long, default_value_t = 20.0, value_parser = rate)]
    rate: f64,
    /// Subscribers that leave and return in each second.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 0.0, value_parser = churn)]
    churn: f64,
    /// Those that return go on where they were: with `corecast.positions`, of a topic with history.
    /// Each must have every message then, or be told of a gap.
    #[arg(long)]
    resume: bool,
    /// How long: seconds, or a number with s, m or h.
    #[arg(long, default_value = "1h", value_parser = duration)]
    duration: Duration,
    /// Length of an interval: seconds, or a number with s, m or h.
    #[arg(long, default_value = "30s", value_parser = interval)]
    interval: Duration,
    /// Percent by which the server's memory may grow after the first third of the time.
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    memory_growth_max: f64,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    payload: u32,
    /// What all client commands take.
    #[command(flatten)]
    client: ClientArgs,
}

struct Run<'a> {
    args: &'a SoakArgs,
    scene: Scene<'a>,
    listeners: Audience,
    publisher: Publisher,
    /// Counts the intervals, and where each thread hands in its latencies of one.
    intervals: (Pulse, Receiver<Part>),
    figures: Figures,
}

/// Messages that are sent when all are back, so that each has something to receive.
const LAST_MESSAGES: u32 = 2;

impl Scenario for SoakArgs {
    type Setup = (Topic, Target);
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    /// Where subscribers connect, and where the publisher does.
    fn setup(&self) -> Result<(Topic, Target), RunError> {
        if self.client.server_pid.is_some() && self.interval >= self.duration {
            return usage(
                "--interval must be below --duration: growth takes two readings of memory",
            );
        }
        let topic = self.at.start(&self.client, self.connections)?;
        let publish_target = publish_target(&self.client, self.publish_url.as_ref(), &topic)?;
        Ok((topic, publish_target))
    }

    fn run(&self, setup: (Topic, Target)) -> Result<Found<Figures>, RunError> {
        let mut run = Run::start(self, setup)?;
        let scene = &mut run.scene;
        let control = run.listeners.control();
        let waited = scene.open_all(control, self.connections, "subscribers")?;
        let waited = waited.then(|| run.publisher.open(&mut scene.leader))?;
        let waited = waited.then(|| run.load())?;
        let waited = waited.then(|| run.come_to_an_end())?;
        run.finish(waited)
    }
}

impl<'a> Run<'a> {
    fn start(args: &'a SoakArgs, setup: (Topic, Target)) -> Result<Self, RunError> {
        let (Topic { run, targets, .. }, publish_target) = setup;
        let conns = args.connections as usize;
        preflight::delivers(&args.client, &targets[0], &publish_target)?;
        let form = Form::new(run, args.payload as usize);
        let mut scene = Scene::new(&args.client, &targets);
        let rate = Some(args.rate);
        let publisher = Publisher::start(&mut scene, publish_target, &form, rate, conns)?;
        let intervals = Pulse::new();
        let progress = Progress {
            churn: Churn {
                per_second: args.churn,
                ..Churn::default()
            },
            resumes: args.resume,
            intervals: Some(intervals.0.clone()),
            ..publisher.progress(scene.leader.pulse())
        };
        let plan = plan("subscriber", targets, conns, &form);
        let listeners = Audience::start(&mut scene, plan, &form, progress)?;
        let mut watch = scene.watch();
        let control = Arc::clone(listeners.control());
        watch.counter("deliveries_per_s", listeners.deliveries());
        watch.counter("left_per_s", move || load(&control.left));
        scene.leader.watch(watch);
        let figures = Figures {
            payload_bytes: args.payload,
            rate_per_s: args.rate,
            churn_per_s: args.churn,
            resumed: args.resume,
            memory_growth_max_percent: args.memory_growth_max,
            ..Figures::default()
        };
        Ok(Self {
            args,
            scene,
            listeners,
            publisher,
            intervals,
            figures,
        })
    }

    /// The load, interval by interval, each with a line; ends before its time if there is nothing
    /// left to load.
    fn load(&mut self) -> Result<Waited, RunError> {
        let (listeners, publisher) = (&self.listeners, &self.publisher);
        let control = listeners.control();
        let begin = |start| {
            publisher.begin();
            if self.args.churn > 0.0 {
                let since_ns = &listeners.progress.churn.since_ns;
                since_ns.store(start, Ordering::Release);
                control.ring_all();
            }
        };
        // Whether the server has ended the publisher, or all subscribers are gone for good.
        let is_over = || {
            let gone = listeners.ended() + load(&control.gave_up);
            publisher.has_ended() || gone >= u64::from(self.args.connections)
        };
        let (mut all, mut failures) = (Recorder::default(), Counts::new());
        let (pid, soak_s) = (self.scene.pid(), self.args.duration.as_secs_f64());
        let (intervals, found) = (&self.intervals, &mut self.figures.intervals);
        let (waited, spent) = self.scene.measure_amid(begin, |leader: &mut Leader| {
            let start = now_ns();
            let (mut delivered, mut left) = (0, 0);
            while seconds(start, now_ns()) < soak_s {
                let rest = soak_s - seconds(start, now_ns());
                let rest = Duration::try_from_secs_f64(rest).unwrap_or_default();
                leader.pause_unless(rest.min(self.args.interval), is_over)?;
                let latency = collect(listeners, intervals);
                all.merge(&latency);
                // That memory cannot be read is a failure and not the end of the figures.
                let pss = pid.and_then(|pid| match procfs::pss_bytes(pid) {
                    Ok(bytes) => Some(bytes),
                    Err(error) => {
                        let what = format!("memory of process {pid}: {error}");
                        *failures.entry(what).or_default() += 1;
                        None
                    }
                });
                // Read once: what comes from here on belongs to the next interval.
                let (delivered_now, left_now) = (listeners.delivered(), load(&control.left));
                let interval = Interval {
                    at_s: seconds(start, now_ns()),
                    deliveries: delivered_now - delivered,
                    latency: latency.percentiles(),
                    server_pss_bytes: pss,
                    live: load(&listeners.progress.churn.here),
                    left: left_now - left,
                    ended_early: listeners.ended(),
                };
                (delivered, left) = (delivered_now, left_now);
                writeln!(stdout(), "{interval}")?;
                found.push(interval);
                if is_over() || (pid.is_some() && pss.is_none()) {
                    return Ok(Waited::Stalled);
                }
            }
            Ok(Waited::Done)
        })?;
        self.figures.soak_s = spent.wall_s;
        self.figures.latency = all.percentiles();
        self.scene.base.client = spent.client;
        self.scene.base.opening.add_failures(&failures);
        Ok(waited)
    }

    /// Waits until all are back and have had the last messages.
    fn come_to_an_end(&mut self) -> Result<Waited, RunError> {
        let (leader, listeners) = (&mut self.scene.leader, &self.listeners);
        let (control, churn) = (listeners.control(), &listeners.progress.churn);
        if churn.since_ns.swap(0, Ordering::AcqRel) > 0 {
            control.ring_all();
            let threads = control.threads() as u64;
            leader.wait_for(
                "subscribers at rest",
                threads,
                || load(&churn.quiet),
                || false,
            )?;
        }
        let conns = u64::from(self.args.connections);
        let is_lost = || listeners.ended() + load(&control.gave_up) > 0;
        let back = leader.wait_for("returned", conns, || load(&churn.here), is_lost)?;
        let sent = || u64::from(self.publisher.timeline.sent());
        let last = sent() + u64::from(LAST_MESSAGES);
        leader.wait_for("last messages", last, sent, || self.publisher.has_ended())?;
        let sent = self.publisher.end(leader)?;
        let heard = listeners.hear_all(conns, sent, leader)?;
        Ok(if back == Waited::Done { heard } else { back })
    }

    fn finish(self, waited: Waited) -> Result<Found<Figures>, RunError> {
        let (mut scene, mut figures) = (self.scene, self.figures);
        let sent = self.publisher.timeline.sent();
        let is_over = self.publisher.has_ended();
        let opening = &mut scene.base.opening;
        opening.ended_early = self.listeners.ended();
        figures.left = load(&self.listeners.control().left);
        figures.close_unanswered = self.listeners.unanswered();
        figures.gaps_told = self.listeners.gaps();
        figures.messages_sent = sent;
        figures.lateness = self.publisher.stop(opening)?.percentiles();
        let heard = self.listeners.stop(sent, opening)?;
        figures.connect_to_live = heard.took.percentiles();
        figures.pings_answered = heard.pings;
        figures.ended_early_by_kind = heard.ended;
        figures.deliveries = heard.deliveries;
        let soak_s = self.args.duration.as_secs_f64();
        figures.memory_growth_percent = growth_percent(&figures.intervals, soak_s);
        let has_grown_little = match figures.memory_growth_percent {
            Some(percent) => percent <= self.args.memory_growth_max,
            // It was asked for, and is not known.
            None => self.args.client.server_pid.is_none(),
        };
        scene.base.passed = waited == Waited::Done
            && !is_over
            && opening.ended_early + figures.close_unanswered == 0
            && figures.deliveries.is_clean()
            && has_grown_little;
        Ok(scene.finish(figures.lateness.p99_us, figures))
    }
}
