//! The fan-out run: subscribers, publishers, phases, figures.

mod figures;
mod progress;
mod publisher;
mod setup;
mod subscriber;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) use crate::fanout::figures::Figures;

use crate::app::{Done, Plan, Reading};
use crate::cli::FanoutArgs;
use crate::clock::now_ns;
use crate::control::Control;
use crate::crew::{self, Crew};
use crate::fanout::progress::Progress;
use crate::fanout::publisher::{Go, Publishers};
use crate::fanout::setup::Setup;
use crate::fanout::subscriber::Subscribers;
use crate::inflate::Compressed;
use crate::leader::{Leader, RunError, Waited};
use crate::opener::Habits;
use crate::order;
use crate::phase::{self, Phase};
use crate::preflight;
use crate::reach;
use crate::record::Recorder;
use crate::report::{Opening, ServerCost, ServerMemory, ratio};
use crate::scene;
use crate::series::Watch;
use crate::show::Stage;
use crate::url::Target;
use crate::warning::Warning;

/// The threads of a run.
#[derive(Debug)]
struct Run {
    leader: Leader,
    subscribers: Crew<Subscribers>,
    publishers: Crew<Publishers>,
    progress: Arc<Progress>,
    go: Arc<Go>,
}

/// Sees that what is asked for is possible, without asking the server.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(args: &FanoutArgs) -> Result<(), RunError> {
    Setup::new(args).map(drop)
}

/// Makes the run.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side; what the server does wrong is
/// in the figures.
pub(crate) fn run(args: &FanoutArgs) -> Result<Figures, RunError> {
    let setup = Setup::new(args)?;
    preflight::delivers(&args.client, &setup.targets[0], &setup.publish_targets[0])?;
    let mut run = Run::start(args, &setup)?;
    let mut figures = Figures {
        urls: setup.targets.iter().map(Target::to_string).collect(),
        publish_urls: setup
            .publish_targets
            .iter()
            .map(Target::to_string)
            .collect(),
        payload_bytes: args.payload,
        publishers: args.publishers,
        rate_per_s: args.rate,
        gather_us: setup.gather_us,
        ..Figures::default()
    };
    let opened = run.open(args, &mut figures)?;
    let mut phase = Phase::default();
    let mut finished = Waited::Stalled;
    if opened == Waited::Done && run.warm_up(args)? == Waited::Done {
        (finished, phase) = run.message_phase(args, setup.messages())?;
        run.leader
            .pause(Duration::try_from_secs_f64(args.hold).unwrap_or_default())?;
    }
    let ended = run.subscribers.control.ended.load(Ordering::Acquire);
    figures.opening.ended_early = ended + run.publishers.control.ended.load(Ordering::Acquire);
    run.finish(args, phase, &mut figures)?;
    figures.passed = finished == Waited::Done
        && figures.deliveries.is_clean()
        && figures.opening.ended_early == 0;
    Ok(figures)
}

impl Run {
    fn start(args: &FanoutArgs, setup: &Setup) -> Result<Self, RunError> {
        let leader = Leader::new(&args.client).until(&args.phase);
        let publishing_threads = crew::threads_for(setup.quotas.len(), 1)?;
        let publishing = Arc::new(Control::new(publishing_threads)?);
        let subscribing = Arc::new(Control::new(setup.threads)?);
        let publishers = setup.quotas.len();
        let progress = Arc::new(Progress::new(publishers, Arc::clone(&publishing)));
        let go = Arc::new(Go::default());
        go.busy.store(publishing_threads, Ordering::Relaxed);
        let payload_max = setup.form.payload_len();
        let conns = args.connections as usize;
        let subscribing_plan = Plan {
            name: "subscriber",
            targets: setup.targets.clone(),
            conns,
            payload_max,
            gather: Duration::from_micros(u64::from(setup.gather_us)),
            first_source: 0,
            habits: Habits::SHORT,
            reading: Reading::All,
            deflate: args.deflate,
            numbering: None,
        };
        let publishing_plan = Plan {
            name: "publisher",
            targets: setup.publish_targets.clone(),
            conns: publishers,
            payload_max,
            gather: Duration::ZERO,
            first_source: conns,
            habits: Habits::SHORT,
            reading: Reading::All,
            deflate: false,
            numbering: None,
        };
        let subscribers = Crew::start(
            subscribing_plan,
            subscribing,
            &progress.descriptors(),
            &leader.sender,
            |thread| {
                let share = Plan::share(conns, thread, setup.threads);
                let shared = (Arc::clone(&progress), leader.pulse().meter());
                Subscribers::new(share, publishers, setup.form.clone(), shared)
            },
        )?;
        let publishers = Crew::start(publishing_plan, publishing, &[], &leader.sender, |thread| {
            let place = (thread, publishing_threads);
            let shared = (Arc::clone(&progress), Arc::clone(&go));
            let (form, done) = (setup.form.clone(), leader.sender.clone());
            Publishers::new(place, &setup.quotas, setup.pace, form, shared, done)
        })?;
        let mut run = Self {
            leader,
            subscribers,
            publishers,
            progress,
            go,
        };
        run.leader.watch(run.watched(args.client.server_pid));
        Ok(run)
    }

    /// What the series shows.
    fn watched(&self, server_pid: Option<u32>) -> Watch {
        let mut watch = Watch {
            server_pid,
            tids: [self.subscribers.tids.clone(), self.publishers.tids.clone()].concat(),
            ..Watch::default()
        };
        let (control, progress) = (
            Arc::clone(&self.subscribers.control),
            Arc::clone(&self.progress),
        );
        watch.gauge("connections", move || control.open_now());
        watch.counter("deliveries_per_s", move || progress.delivered());
        watch
    }

    /// Opens all connections, those of the publishers last, and reads the server's memory.
    fn open(&mut self, args: &FanoutArgs, figures: &mut Figures) -> Result<Waited, RunError> {
        let pid = args.client.server_pid;
        let control = Arc::clone(&self.subscribers.control);
        let before = scene::pss(&mut self.leader, pid)?;
        let mut marks = Vec::new();
        let start = now_ns();
        let mut waited = Waited::Done;
        for mark in args.pss_at.iter().copied().chain([args.connections]) {
            if waited == Waited::Done {
                control.open(u64::from(mark));
                waited = self
                    .leader
                    .wait_live(&control, u64::from(mark), "subscribers")?;
                marks.push((mark, scene::pss(&mut self.leader, pid)?));
            }
        }
        let pss_connected = marks.last().map(|(_, pss)| *pss).filter(|pss| *pss > 0);
        self.leader.mark("connected", pss_connected);
        figures.opening = Opening::new(args.connections, &control, start);
        figures.server_memory = args.client.server_pid.map(|_| memory(before, &marks));
        if waited == Waited::Done {
            let control = Arc::clone(&self.publishers.control);
            let publishers = u64::from(args.publishers);
            control.open(publishers);
            waited = self.leader.wait_live(&control, publishers, "publishers")?;
        }
        Ok(waited)
    }

    /// One message that is not counted, so that the phase that is finds pages and tables in place.
    fn warm_up(&mut self, args: &FanoutArgs) -> Result<Waited, RunError> {
        let Self {
            leader,
            subscribers,
            publishers,
            progress,
            go,
        } = self;
        go.warm_up.store(true, Ordering::Release);
        publishers.control.ring_all();
        let crews = [&subscribers.control, &publishers.control];
        let is_ended = |control: &&Arc<Control>| control.ended.load(Ordering::Acquire) > 0;
        leader.wait_for(
            "warm-up",
            u64::from(args.connections),
            || progress.warmed(),
            || crews.iter().any(is_ended),
        )
    }

    fn message_phase(
        &mut self,
        args: &FanoutArgs,
        messages: u64,
    ) -> Result<(Waited, Phase), RunError> {
        let Self {
            leader,
            subscribers,
            publishers,
            progress,
            go,
        } = self;
        let tids = [subscribers.tids.clone(), publishers.tids.clone()].concat();
        let start = |now| {
            go.subscribers
                .store(u64::from(args.connections), Ordering::Relaxed);
            go.at_ns.store(now, Ordering::Release);
            publishers.control.ring_all();
        };
        let deliveries = u64::from(args.connections) * messages;
        phase::measure(args.client.server_pid, &tids, start, leader, |leader| {
            let crews = [&subscribers.control, &publishers.control];
            leader.wait_done(
                Stage::of("deliveries", deliveries),
                || progress.delivered(),
                || {
                    crews
                        .iter()
                        .any(|control| control.ended.load(Ordering::Acquire) > 0)
                },
            )
        })
    }

    /// Ends the threads and adds up what they found.
    fn finish(
        self,
        args: &FanoutArgs,
        phase: Phase,
        figures: &mut Figures,
    ) -> Result<(), RunError> {
        let publishers = self.publishers.stop()?;
        let subscribers = self.subscribers.stop()?;
        subscribers
            .iter()
            .for_each(|done| figures.opening.add_failures(&done.failures));
        publishers
            .iter()
            .for_each(|done| figures.opening.add_failures(&done.failures));
        let mut sent = vec![0; args.publishers as usize];
        let mut lateness = Recorder::new();
        for Done { app, .. } in publishers {
            app.sent().for_each(|(number, count)| sent[number] = count);
            lateness.merge(&app.lateness);
            figures.deliveries.copies_to_publishers += app.copies;
            figures.deliveries.copies_faulty += app.copies_faulty();
        }
        figures.lateness = args.rate.is_some().then(|| lateness.percentiles());
        figures.messages_sent = sent.iter().copied().map(u64::from).sum();
        let expected = figures.messages_sent * u64::from(args.connections);
        figures.deliveries.expected = expected;
        let (latency, received) = add_up(subscribers, &sent, figures);
        let deliveries = &mut figures.deliveries;
        deliveries.got = expected.saturating_sub(deliveries.lost);
        figures.latency = latency.percentiles();
        figures.message_phase_s = phase.wall_s;
        figures.deliveries_per_s = ratio(deliveries.got as f64, phase.wall_s);
        let sends = received + deliveries.copies_to_publishers;
        figures.server = args
            .client
            .server_pid
            .map(|_| ServerCost::new(phase.server, sends, phase.wall_s));
        figures.warnings = Warning::find(&phase.client, figures.lateness.as_ref());
        figures.series = self.leader.finish();
        figures.client = phase.client;
        Ok(())
    }
}

/// Adds up what the subscribing threads found; returns all latencies and messages received.
fn add_up(
    subscribers: Vec<Done<Subscribers>>,
    sent: &[u32],
    figures: &mut Figures,
) -> (Recorder, u64) {
    let deliveries = &mut figures.deliveries;
    let (mut latency, mut received) = (Recorder::new(), 0);
    let (mut orders, mut reach) = (Vec::new(), Vec::new());
    let mut came = Compressed::default();
    for Done {
        app, compressed, ..
    } in subscribers
    {
        came.messages += compressed.messages;
        came.bytes += compressed.bytes;
        latency.merge(&app.latency.finish());
        received += app.received;
        deliveries.foreign += app.foreign;
        let (faults, order) = app.checker.finish(sent);
        deliveries.add_faults(faults);
        reach.push(app.reach);
        orders.extend(order);
    }
    deliveries.add_order(order::compare(orders));
    figures.reached = reach::reached(&reach);
    figures.compressed_bytes =
        (0 < came.messages).then(|| ratio(came.bytes as f64, came.messages as f64));
    (latency, received)
}

fn memory(before: u64, marks: &[(u32, u64)]) -> ServerMemory {
    let per =
        |bytes: u64, less: u64, conns: u32| ratio(bytes as f64 - less as f64, f64::from(conns));
    let slope = match *marks {
        [(n1, pss1), (n2, pss2), ..] => Some(per(pss2, pss1, n2 - n1)),
        _ => None,
    };
    let (conns, connected) = marks.last().copied().unwrap_or_default();
    ServerMemory {
        pss_before_bytes: before,
        pss_connected_bytes: connected,
        pss_bytes_per_connection: per(connected, before, conns),
        pss_slope_bytes_per_connection: slope,
    }
}
