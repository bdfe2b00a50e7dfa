//! `slow`: some subscribers read slowly, and the others must not notice.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::check::message::Form;
use crate::client::control::load;
use crate::client::{Plan, Reading};
use crate::clock::now_ns;
use crate::flags::{ClientArgs, TopicArgs, count, duration, payload_bytes, rate, two_or_more};
use crate::pubsub::progress::Progress;
use crate::pubsub::{Audience, Publisher};
use crate::report::figures::Found;
use crate::report::{Counts, Deliveries, ServerCost};
use crate::run::leader::{RunError, Waited};
use crate::run::record::Percentiles;
use crate::run::series::Pulse;
use crate::run::targets::{Topic, publish_target, usage};
use crate::run::{Scenario, Scene, plan, preflight};
use crate::url::Target;

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve --slow-consumer drop-oldest` in another terminal:
  5 of 500 readers stop reading after 6 s; the latency of the others before and then:
    loadtest slow --url 'ws://127.0.0.1:8080/sub/{topic}' -n 500 --slow 5 --stopped --rate 300 \\
      --payload 2048 --duration 6s
  50 of them read 10,000 bytes a second:
    loadtest slow --url 'ws://127.0.0.1:8080/sub/{topic}' -n 500 --slow 50 --slow-rate 10000 \\
      --rate 300
  Three rounds, over which the drift of the host's speed evens out:
    loadtest slow --url 'ws://127.0.0.1:8080/sub/{topic}' -n 502 --slow 2 --stopped --rounds 3";

/// Some subscribers read slowly or not at all; the others must not notice.
///
/// For --duration all read as fast as they can, and for as long again the slow ones do not. The
/// latencies of the others are told apart by it, and they must miss nothing. Then the slow ones
/// read what is left for them; what they got, what they missed and whether they were closed, with
/// which code, is reported and never fails the run, but what is changed, repeated or out of order
/// does.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SlowArgs {
    /// Where it connects.
    #[command(flatten)]
    at: TopicArgs,
    /// Where the publisher connects [default: the first --url, /sub/ replaced by /pub/].
    #[arg(long)]
    publish_url: Option<String>,
    /// Subscribers, the slow ones among them, at least 2.
    #[arg(short = 'n', long, default_value_t = 500, value_parser = two_or_more())]
    connections: u32,
    /// How many of them are slow, at least 1, and not all.
    #[arg(long, default_value_t = 5, value_parser = count())]
    slow: u32,
    /// Bytes per second that each slow one reads.
    #[arg(long, value_name = "BYTES/S", required_unless_present = "stopped", value_parser = count())]
    slow_rate: Option<u32>,
    /// The slow ones do not read at all.
    #[arg(long, conflicts_with = "slow_rate")]
    stopped: bool,
    /// Receive buffers of the slow ones, in bytes; the kernel doubles it, socket(7) SO_RCVBUF.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 10)]
    slow_buffer: u32,
    /// Messages per second.
    #[arg(long, default_value_t = 300.0, value_parser = rate)]
    rate: f64,
    /// Rounds of two halves, without and with slow reading; which comes first alternates. With more
    /// than one, slow readers that are closed connect again.
    #[arg(long, default_value_t = 1, value_parser = count())]
    rounds: u32,
    /// Length of each half: seconds, or a number with s, m or h.
    #[arg(long, default_value = "5s", value_parser = duration)]
    duration: Duration,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 2048, value_parser = payload_bytes())]
    payload: u32,
    /// What all client commands take.
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) payload_bytes: u32,
    pub(crate) rate_per_s: f64,
    pub(crate) messages_sent: u32,
    /// The others.
    pub(crate) deliveries: Deliveries,
    /// From when a message was due to each delivery to the others, while all read.
    pub(crate) latency_without_slow: Percentiles,
    /// The same beside slow readers.
    pub(crate) latency_beside_slow: Percentiles,
    /// From when a message was due to when it was sent.
    pub(crate) lateness: Percentiles,
    pub(crate) slow: Slow,
    /// Beside slow readers, in the last round, as `client` is.
    pub(crate) server: Option<ServerCost>,
    pub(crate) server_pss_before_bytes: Option<u64>,
    /// In the last round, before the slow ones read what is left for them.
    pub(crate) server_pss_beside_slow_bytes: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Slow {
    readers: u32,
    /// Zero if they did not read.
    bytes_per_s: u32,
    messages_got: u64,
    /// Skipped, or sent after the server had closed them.
    messages_missed: u64,
    /// Changed, repeated or out of order.
    messages_faulty: u64,
    /// Ended by the server, by kind.
    ended: Counts,
}

struct Run<'a> {
    args: &'a SlowArgs,
    scene: Scene<'a>,
    others: Audience,
    slow: Audience,
    publisher: Publisher,
    figures: Figures,
}

/// Slow readers that got nothing for so long have read all that was left for them.
const QUIET: Duration = Duration::from_millis(500);

impl Scenario for SlowArgs {
    type Setup = (Topic, Target);
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    /// Where subscribers connect, and where the publisher does.
    fn setup(&self) -> Result<(Topic, Target), RunError> {
        if self.connections <= self.slow {
            return usage("--slow must be below --connections");
        }
        let topic = self.at.start(&self.client, self.connections)?;
        let publish_target = publish_target(&self.client, self.publish_url.as_ref(), &topic)?;
        Ok((topic, publish_target))
    }

    fn run(&self, setup: (Topic, Target)) -> Result<Found<Figures>, RunError> {
        let mut run = Run::start(self, setup)?;
        let waited = run.open()?.then(|| run.load())?;
        run.finish(waited)
    }
}

impl<'a> Run<'a> {
    fn start(args: &'a SlowArgs, setup: (Topic, Target)) -> Result<Self, RunError> {
        let (Topic { run, targets, .. }, publish_target) = setup;
        let (all, slow) = (args.connections as usize, args.slow as usize);
        preflight::delivers(&args.client, &targets[0], &publish_target)?;
        let form = Form::new(run, args.payload as usize);
        let mut scene = Scene::new(&args.client, &targets);
        let publisher = Publisher::start(&mut scene, publish_target, &form, Some(args.rate), all)?;
        let reader = plan("reader", targets.clone(), all - slow, &form);
        let progress = Progress {
            has_phases: true,
            ..publisher.progress(scene.leader.pulse())
        };
        let others = Audience::start(&mut scene, reader, &form, progress)?;
        let reader = Plan {
            first_source: all - slow,
            reading: Reading::Slowly {
                bytes_per_s: args.slow_rate.unwrap_or(0),
                buffer: args.slow_buffer,
            },
            ..plan("slow", targets, slow, &form)
        };
        let progress = Progress {
            returns: args.rounds > 1,
            ..publisher.progress(&Pulse::apart())
        };
        let slow = Audience::start(&mut scene, reader, &form, progress)?;
        let mut watch = scene.watch();
        watch.counter("deliveries_per_s", others.deliveries());
        watch.counter("deliveries_to_slow_per_s", slow.deliveries());
        scene.leader.watch(watch);
        let mut figures = Figures {
            payload_bytes: args.payload,
            rate_per_s: args.rate,
            ..Figures::default()
        };
        figures.slow.readers = args.slow;
        figures.slow.bytes_per_s = args.slow_rate.unwrap_or(0);
        Ok(Self {
            args,
            scene,
            others,
            slow,
            publisher,
            figures,
        })
    }

    fn open(&mut self) -> Result<Waited, RunError> {
        let (all, slow) = (self.args.connections, self.args.slow);
        let scene = &mut self.scene;
        let waited = scene.open_all(self.others.control(), all - slow, "readers")?;
        let control = self.slow.control();
        let waited = waited.then(|| scene.open(control, u64::from(slow), "slow readers"))?;
        scene.base.opening.connections = all;
        scene.base.opening.live += load(&control.live);
        waited.then(|| self.publisher.open(&mut scene.leader))
    }

    /// All rounds, and then what is left for the slow ones.
    fn load(&mut self) -> Result<Waited, RunError> {
        self.publisher.begin();
        for round in 0..self.args.rounds {
            // Which half comes first alternates, as the speed of a host drifts.
            for half in [round, round + 1] {
                if half.is_multiple_of(2) {
                    self.scene.leader.pause(self.args.duration)?;
                    self.figures.server_pss_before_bytes = self.scene.pss_now()?;
                } else {
                    self.half_with_slow()?;
                }
            }
        }
        let leader = &mut self.scene.leader;
        let sent = self.publisher.end(leader)?;
        let others = u64::from(self.args.connections - self.args.slow);
        let waited = self.others.hear_all(others, sent, leader)?;
        self.catch_up()?;
        Ok(waited)
    }

    fn half_with_slow(&mut self) -> Result<(), RunError> {
        let (slow, others, scene) = (self.slow.control(), &self.others, &mut self.scene);
        scene.leader.mark("slow ones stop reading", None);
        let before = others.delivered();
        let begin = |now| {
            slow.read_slowly(true);
            others.progress.begin_phase(now);
        };
        let (_, spent) = scene.measure_amid(begin, |leader| {
            leader.pause(self.args.duration).map(|()| Waited::Done)
        })?;
        self.figures.server = scene.server_cost(&spent, others.delivered() - before);
        scene.base.client = spent.client;
        self.figures.server_pss_beside_slow_bytes = self.scene.pss_now()?;
        let leader = &mut self.scene.leader;
        leader.mark("slow ones read on", None);
        self.slow.control().read_slowly(false);
        leader.pause(QUIET)?;
        // What the slow ones have to read yet is not without them.
        self.others.progress.end_phase(now_ns());
        Ok(())
    }

    /// Waits until the slow ones have read what was left for them.
    fn catch_up(&mut self) -> Result<(), RunError> {
        loop {
            let before = (self.slow.delivered(), self.slow.ended());
            self.scene.leader.pause(QUIET)?;
            if before == (self.slow.delivered(), self.slow.ended()) {
                return Ok(());
            }
        }
    }

    fn finish(self, waited: Waited) -> Result<Found<Figures>, RunError> {
        let (mut scene, mut figures) = (self.scene, self.figures);
        let sent = self.publisher.timeline.sent();
        let is_over = self.publisher.has_ended();
        let opening = &mut scene.base.opening;
        opening.ended_early = self.others.ended();
        figures.messages_sent = sent;
        figures.lateness = self.publisher.stop(opening)?.percentiles();
        let others = self.others.stop(sent, opening)?;
        let [mut without, beside, after] = others.phases;
        without.merge(&after);
        figures.latency_without_slow = without.percentiles();
        figures.latency_beside_slow = beside.percentiles();
        figures.deliveries = others.deliveries;
        let heard = self.slow.stop(sent, opening)?;
        let slow = &heard.deliveries;
        figures.slow.messages_got = slow.got;
        figures.slow.messages_missed = slow.lost;
        figures.slow.messages_faulty = slow.duplicated + slow.reordered + slow.foreign;
        figures.slow.ended = heard.ended;
        scene.base.passed = waited == Waited::Done
            && !is_over
            && opening.ended_early == 0
            && figures.deliveries.is_clean()
            && figures.slow.messages_faulty == 0;
        Ok(scene.finish(figures.lateness.p99_us, figures))
    }
}
