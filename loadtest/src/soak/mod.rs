//! `soak`: a steady load for as long as it is asked for.

pub(crate) mod cli;
mod figures;

use std::io::{Write, stdout};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};

use crate::audience::{Audience, Publisher};
use crate::churn::Churn;
use crate::clock::{now_ns, seconds};
use crate::control::load;
use crate::flags::ClientArgs;
use crate::leader::{Leader, RunError, Waited};
use crate::listeners::Hall;
use crate::message::Form;
use crate::phase;
use crate::preflight;
use crate::procfs;
use crate::record::Recorder;
use crate::scene::{self, Scenario, Scene};
use crate::soak::cli::SoakArgs;
pub(crate) use crate::soak::figures::Figures;
use crate::soak::figures::{Interval, growth_percent};
use crate::targets::Topic;
use crate::url::Target;

#[derive(Debug)]
struct Run<'a> {
    args: &'a SoakArgs,
    scene: Scene<'a>,
    listeners: Audience,
    publisher: Publisher,
    /// Latencies of an interval, from each thread.
    handed_in: Receiver<Recorder>,
    figures: Figures,
}

/// A thread hands in its latencies within this time, or they count with the next interval.
const HAND_IN: Duration = Duration::from_secs(2);
/// Messages that are sent when all are back, so that each has something to receive.
const LAST_MESSAGES: u32 = 2;

impl Scenario for SoakArgs {
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn check(&self) -> Result<(), RunError> {
        targets(self).map(drop)
    }

    fn run(&self) -> Result<Figures, RunError> {
        let mut run = Run::start(self)?;
        let control = Arc::clone(run.listeners.control());
        let scene = &mut run.scene;
        let mut waited = scene.open_all(&control, self.connections, "subscribers")?;
        if waited == Waited::Done {
            waited = run.publisher.open(&mut scene.leader)?;
        }
        if waited == Waited::Done {
            waited = run.load()?;
        }
        if waited == Waited::Done {
            waited = run.come_to_an_end()?;
        }
        run.finish(waited)
    }
}

/// Where subscribers connect, and where the publisher does.
fn targets(args: &SoakArgs) -> Result<(Topic, Target), RunError> {
    if args.client.server_pid.is_some() && args.interval >= args.duration {
        let text = "--interval must be below --duration: growth takes two readings of memory";
        return Err(RunError::Usage(text.to_owned()));
    }
    let topic = args.at.start(args.connections)?;
    let wanted = args.publish_url.as_ref();
    let publish_target = scene::publish_target(wanted, &topic.name, &topic.targets[0])?;
    Ok((topic, publish_target))
}

impl<'a> Run<'a> {
    fn start(args: &'a SoakArgs) -> Result<Self, RunError> {
        let (Topic { run, targets, .. }, publish_target) = targets(args)?;
        let conns = args.connections as usize;
        preflight::delivers(&args.client, &targets[0], &publish_target)?;
        let form = Form::new(run, args.payload as usize);
        let mut scene = Scene::new(&args.client, Leader::new(&args.client), &targets);
        let leader = &scene.leader;
        let publisher = Publisher::start(publish_target, &form, Some(args.rate), conns, leader)?;
        let (sender, handed_in) = unbounded();
        let hall = Hall::new(Churn::new(args.churn, None, 0.0), Some(sender));
        let plan = scene::plan("subscriber", targets, conns, &form);
        let (threads, schedule) = (scene.threads(conns)?, &publisher.schedule);
        let listeners = Audience::start(plan, threads, &form, schedule, hall, leader)?;
        scene.tids = [&listeners.crew.tids[..], &publisher.crew.tids].concat();
        let (control, hall) = (Arc::clone(listeners.control()), Arc::clone(&listeners.hall));
        let crews = vec![Arc::clone(&control)];
        let mut watch = scene::watch(scene.pid(), crews, scene.tids.clone());
        watch.counter("deliveries_per_s", move || hall.delivered());
        watch.counter("left_per_s", move || load(&control.left));
        scene.leader.watch(watch);
        let figures = Figures {
            payload_bytes: args.payload,
            rate_per_s: args.rate,
            churn_per_s: args.churn,
            memory_growth_max_percent: args.memory_growth_max,
            ..Figures::default()
        };
        Ok(Self {
            args,
            scene,
            listeners,
            publisher,
            handed_in,
            figures,
        })
    }

    /// The load, interval by interval, each with a line; ends before its time if there is nothing
    /// left to load.
    fn load(&mut self) -> Result<Waited, RunError> {
        let Self {
            args,
            scene,
            listeners,
            publisher,
            handed_in,
            figures,
        } = self;
        let (hall, control) = (Arc::clone(&listeners.hall), Arc::clone(listeners.control()));
        let begin = |start| {
            publisher.begin();
            if args.churn > 0.0 {
                hall.churn.since_ns.store(start, Ordering::Release);
                control.ring_all();
            }
        };
        let mut all = Recorder::new();
        let failures = &mut scene.base.opening.failures;
        let (pid, soak_s) = (args.client.server_pid, args.duration.as_secs_f64());
        let intervals = |leader: &mut Leader| {
            let start = now_ns();
            let (mut delivered, mut left) = (0, 0);
            while seconds(start, now_ns()) < soak_s {
                let rest = soak_s - seconds(start, now_ns());
                let rest = Duration::try_from_secs_f64(rest).unwrap_or_default();
                let is_over = || is_over(args, listeners, publisher);
                leader.pause_unless(rest.min(args.interval), is_over)?;
                let latency = collect(listeners, handed_in);
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
                let (delivered_now, left_now) = (load(&hall.delivered), load(&control.left));
                let interval = Interval {
                    at_s: seconds(start, now_ns()),
                    deliveries: delivered_now - delivered,
                    latency: latency.percentiles(),
                    server_pss_bytes: pss,
                    live: load(&hall.churn.here),
                    left: left_now - left,
                    ended_early: listeners.ended(),
                };
                (delivered, left) = (delivered_now, left_now);
                writeln!(stdout(), "{interval}")?;
                figures.intervals.push(interval);
                if is_over() || (pid.is_some() && pss.is_none()) {
                    return Ok(Waited::Stalled);
                }
            }
            Ok(Waited::Done)
        };
        let leader = &mut scene.leader;
        let (waited, spent) = phase::measure_amid(pid, &scene.tids, begin, leader, intervals)?;
        figures.soak_s = spent.wall_s;
        figures.latency = all.percentiles();
        scene.base.client = spent.client;
        Ok(waited)
    }

    /// Waits until all are back and have had the last messages.
    fn come_to_an_end(&mut self) -> Result<Waited, RunError> {
        let (leader, listeners) = (&mut self.scene.leader, &self.listeners);
        let (control, churn) = (listeners.control(), &listeners.hall.churn);
        if churn.since_ns.swap(0, Ordering::AcqRel) > 0 {
            control.ring_all();
            let quiet = || u64::from(churn.quiet.load(Ordering::Acquire));
            let threads = control.threads() as u64;
            leader.wait_for("subscribers at rest", threads, quiet, || false)?;
        }
        let conns = u64::from(self.args.connections);
        let is_lost = || listeners.ended() + load(&control.gave_up) > 0;
        let back = leader.wait_for("returned", conns, || load(&churn.here), is_lost)?;
        let sent = || u64::from(self.publisher.schedule.sent());
        let last = sent() + u64::from(LAST_MESSAGES);
        leader.wait_for("last messages", last, sent, || self.publisher.has_ended())?;
        let sent = self.publisher.end(leader)?;
        let heard = listeners.hear_all(conns, sent, leader)?;
        Ok(if back == Waited::Done { heard } else { back })
    }

    fn finish(self, waited: Waited) -> Result<Figures, RunError> {
        let Self {
            mut scene,
            mut figures,
            ..
        } = self;
        let sent = self.publisher.schedule.sent();
        let is_over = self.publisher.has_ended();
        let opening = &mut scene.base.opening;
        opening.ended_early = self.listeners.ended();
        figures.left = load(&self.listeners.control().left);
        figures.close_unanswered = self.listeners.unanswered();
        figures.messages_sent = sent;
        figures.lateness = self.publisher.stop(opening)?.percentiles();
        let heard = self.listeners.stop(sent)?;
        opening.add_failures(&heard.failures);
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
        let client = scene.base.client.clone();
        figures.base = scene.finish(client, Some(&figures.lateness));
        Ok(figures)
    }
}

/// The latencies of an interval that is over.
fn collect(listeners: &Audience, handed_in: &Receiver<Recorder>) -> Recorder {
    let control = listeners.control();
    listeners.hall.interval.fetch_add(1, Ordering::AcqRel);
    control.ring_all();
    let mut latency = Recorder::new();
    for _ in 0..control.threads() {
        if let Ok(part) = handed_in.recv_timeout(HAND_IN) {
            latency.merge(&part);
        }
    }
    latency
}

/// Whether the server has ended the publisher, or all subscribers are gone for good.
fn is_over(args: &SoakArgs, listeners: &Audience, publisher: &Publisher) -> bool {
    let gone = listeners.ended() + load(&listeners.control().gave_up);
    publisher.has_ended() || gone >= u64::from(args.connections)
}
