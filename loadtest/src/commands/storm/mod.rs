//! `storm`: all leave, all come back, and others must not notice.

mod figures;
mod round;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::check::message::Form;
use crate::client::Plan;
use crate::client::control::load;
use crate::client::opener::{Habits, WINDOW};
use crate::client::outbox::Leave;
use crate::flags::{ClientArgs, TopicArgs, count, from_one, payload_bytes, rate, seconds_of};
use crate::pubsub::churn::Churn;
use crate::pubsub::progress::Progress;
use crate::pubsub::{Audience, Publisher};
use crate::report::add_counts;
use crate::report::figures::Found;
use crate::run::leader::{RunError, Waited};
use crate::run::targets::{Topic, check_ports, usage};
use crate::run::{Scenario, Scene, plan, preflight};
use crate::url::Target;

pub(crate) use crate::commands::storm::figures::Figures;

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
        let topic = self.at.start(&self.client, self.connections)?;
        let other = format!("{}-steady", topic.name);
        let steady = self.client.remote.target(url, &other)?;
        let all = [std::slice::from_ref(&steady), &topic.targets].concat();
        check_ports(&self.client, &all, self.connections as usize)?;
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
            habits: Habits {
                window: args.window,
                tries_max: u16::MAX,
            },
            ..plan("subscriber", targets, conns, &form)
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
