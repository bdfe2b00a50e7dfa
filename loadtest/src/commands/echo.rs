//! `echo`: every connection has one message under way, which has to come back.

use std::mem;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clap::Args;
use crossbeam_channel::Sender;
use serde::Serialize;

use crate::check::message::{Form, Stamp};
use crate::client::control::{News, load};
use crate::client::outbox::Outbox;
use crate::client::{App, LinkName};
use crate::flags::{ClientArgs, DeadlineArgs, count, payload_bytes};
use crate::report::figures::Found;
use crate::report::{ServerCost, ratio};
use crate::run::leader::{RunError, Waited};
use crate::run::phase::Phase;
use crate::run::record::{Percentiles, Recorder};
use crate::run::series::Meter;
use crate::run::targets::targets;
use crate::run::{Scenario, Scene, Stage, plan, preflight};
use crate::url::{Protocol, Target};

/// Every connection sends and waits for the same bytes to come back.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest echo --url ws://127.0.0.1:8080/echo -n 100 -m 1000")]
pub(crate) struct EchoArgs {
    /// Where to connect: ws://127.0.0.1:PORT/PATH or tcp://127.0.0.1:PORT. May be repeated.
    #[arg(long, required = true)]
    url: Vec<String>,
    /// Connections, each with one message under way.
    #[arg(short = 'n', long, default_value_t = 100, value_parser = count())]
    connections: u32,
    /// Messages of each connection.
    #[arg(short, long, default_value_t = 1000, value_parser = count())]
    messages: u32,
    /// Bytes of each message, 24 to 16777216.
    #[arg(short, long, default_value_t = 64, value_parser = payload_bytes())]
    payload: u32,
    /// How long its messages may take.
    #[command(flatten)]
    phase: DeadlineArgs,
    /// What all client commands take.
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) payload_bytes: u32,
    pub(crate) round_trips_expected: u64,
    pub(crate) round_trips: u64,
    /// Came back changed, twice, or in another's place.
    pub(crate) wrong: u64,
    pub(crate) message_phase_s: f64,
    pub(crate) round_trips_per_s: f64,
    pub(crate) latency: Percentiles,
    pub(crate) server: Option<ServerCost>,
}

impl Scenario for EchoArgs {
    type Setup = Vec<Target>;
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn setup(&self) -> Result<Vec<Target>, RunError> {
        targets(&self.client, &self.url, "echo", self.connections as usize)
    }

    fn run(&self, targets: Vec<Target>) -> Result<Found<Figures>, RunError> {
        let conns = self.connections as usize;
        preflight::delivers(&self.client, &targets[0], &targets[0])?;
        let mut scene = Scene::new(&self.client, &targets);
        scene.leader.set_deadline(&self.phase);
        let expected = u64::from(self.connections) * u64::from(self.messages);
        let progress = Arc::new(Progress {
            go: AtomicBool::new(false),
            returned: AtomicU64::new(0),
            expected,
            done: scene.leader.sender.clone(),
        });
        let form = Form::new(process::id(), self.payload as usize);
        let pulse = scene.leader.pulse().clone();
        let crew = scene.crew(plan("echo", targets, conns, &form), |place| Pingers {
            form: form.clone(),
            progress: Arc::clone(&progress),
            quota: self.messages,
            pingers: vec![Pinger::default(); place.share(conns)],
            has_started: false,
            tally: 0,
            message: Vec::new(),
            latency: pulse.meter(),
            returned: 0,
            wrong: 0,
        })?;
        let mut watch = scene.watch();
        let counted = Arc::clone(&progress);
        watch.counter("round_trips_per_s", move || load(&counted.returned));
        scene.leader.watch(watch);
        let control = Arc::clone(&crew.control);
        let mut waited = scene.open_all(&control, self.connections, "connections")?;
        let mut spent = Phase::default();
        if waited == Waited::Done {
            let lost = scene.lost();
            let go = |_| {
                progress.go.store(true, Ordering::Release);
                control.ring_all();
            };
            (waited, spent) = scene.measure(go, |leader| {
                let stage = Stage::of("round trips", expected);
                leader.wait_done(stage, || load(&progress.returned), lost)
            })?;
        }
        scene.base.opening.ended_early = scene.ended();
        let mut figures = Figures {
            payload_bytes: self.payload,
            round_trips_expected: expected,
            message_phase_s: spent.wall_s,
            ..Figures::default()
        };
        let mut latency = Recorder::default();
        for done in crew.stop()? {
            figures.round_trips += done.app.returned;
            figures.wrong += done.app.wrong;
            latency.merge(&done.app.latency.finish());
            scene.base.opening.add_failures(&done.failures);
        }
        figures.latency = latency.percentiles();
        figures.round_trips_per_s = ratio(figures.round_trips as f64, spent.wall_s);
        figures.server = scene.server_cost(&spent, figures.round_trips);
        scene.base.passed = waited == Waited::Done
            && figures.round_trips == expected
            && figures.wrong + scene.base.opening.ended_early == 0;
        scene.base.client = spent.client;
        Ok(scene.finish(0.0, figures))
    }
}

struct Pingers {
    form: Form,
    progress: Arc<Progress>,
    /// Messages of each.
    quota: u32,
    pingers: Vec<Pinger>,
    has_started: bool,
    /// Round trips since the last turn.
    tally: u64,
    message: Vec<u8>,
    latency: Meter,
    returned: u64,
    /// Messages that are not what was sent.
    wrong: u64,
}

/// Shared by the threads and their leader.
struct Progress {
    go: AtomicBool,
    returned: AtomicU64,
    /// Round trips that are to be made; then the leader is told.
    expected: u64,
    done: Sender<News>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pinger {
    sent: u32,
    sent_ns: u64,
    protocol: Protocol,
}

impl Pingers {
    #[inline]
    fn send(&mut self, index: usize, now: u64, out: &mut Outbox) {
        let pinger = &mut self.pingers[index];
        let stamp = Stamp::new(0, pinger.sent, now);
        self.form.write(stamp, &mut self.message);
        pinger.sent += 1;
        pinger.sent_ns = now;
        out.message(index, pinger.protocol, &self.message);
    }
}

impl App for Pingers {
    fn on_live(&mut self, link: LinkName, _now: u64, _took_ns: u64, _out: &mut Outbox) {
        self.pingers[link.index].protocol = link.protocol;
    }

    #[inline]
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, out: &mut Outbox) {
        let pinger = self.pingers[link.index];
        let expected = Stamp::new(0, pinger.sent.wrapping_sub(1), pinger.sent_ns);
        if self.form.read(payload) != Some(expected) {
            self.wrong += 1;
            return;
        }
        self.latency.record(now.saturating_sub(pinger.sent_ns));
        self.tally += 1;
        if pinger.sent < self.quota {
            self.send(link.index, now, out);
        }
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        self.latency.turn();
        if !self.has_started && self.progress.go.load(Ordering::Acquire) {
            self.has_started = true;
            (0..self.pingers.len()).for_each(|index| self.send(index, now, out));
        }
        if self.tally > 0 {
            let (tally, progress) = (mem::take(&mut self.tally), &self.progress);
            self.returned += tally;
            let returned = progress.returned.fetch_add(tally, Ordering::AcqRel) + tally;
            if returned == progress.expected {
                // The other end is gone after the deadline.
                drop(progress.done.send(News::Done));
            }
        }
        None
    }
}
