//! The soak: a steady load for as long as it is asked for.

pub(crate) mod cli;
mod figures;

use std::io::{Write, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};

use crate::audience::{Audience, Publisher};
use crate::churn::Churn;
use crate::clock::{now_ns, seconds};
use crate::leader::{Leader, RunError, Waited};
use crate::listeners::Hall;
use crate::message::Form;
use crate::preflight;
use crate::procfs;
use crate::record::Recorder;
use crate::report::{ClientCost, Opening};
use crate::scene;
use crate::series::Watch;
use crate::soak::cli::SoakArgs;
pub(crate) use crate::soak::figures::Figures;
use crate::soak::figures::{Interval, growth_percent};
use crate::url::Target;
use crate::warning::Warning;

/// The threads of a run.
#[derive(Debug)]
struct Soak<'a> {
    args: &'a SoakArgs,
    leader: Leader,
    listeners: Audience,
    publisher: Publisher,
    /// Latencies of an interval, from each thread.
    handed_in: Receiver<Recorder>,
}

/// A thread hands in its latencies within this time, or they count with the next interval.
const HAND_IN: Duration = Duration::from_secs(2);
/// Messages that are sent when all are back, so that each has something to receive.
const LAST_MESSAGES: u32 = 2;

/// Sees that what is asked for is possible, without asking the server.
pub(crate) fn check(args: &SoakArgs) -> Result<(), RunError> {
    if args.client.server_pid.is_some() && args.interval >= args.duration {
        let text = "--interval must be below --duration: growth takes two readings of memory";
        return Err(RunError::Usage(text.to_owned()));
    }
    let targets = scene::targets(&args.url, "soak", args.connections as usize)?;
    scene::publish_target(args.publish_url.as_ref(), "soak", &targets[0]).map(drop)
}

/// Makes the run.
pub(crate) fn run(args: &SoakArgs) -> Result<Figures, RunError> {
    check(args)?;
    let mut figures = Figures {
        payload_bytes: args.payload,
        rate_per_s: args.rate,
        churn_per_s: args.churn,
        memory_growth_max_percent: args.memory_growth_max,
        ..Figures::default()
    };
    let mut soak = Soak::start(args, &mut figures)?;
    let conns = u64::from(args.connections);
    let start = now_ns();
    let mut waited = soak
        .listeners
        .open(conns, "subscribers", &mut soak.leader)?;
    figures.opening = Opening::new(args.connections, soak.listeners.control(), start);
    if waited == Waited::Done {
        waited = soak.publisher.open(&mut soak.leader)?;
    }
    if waited == Waited::Done {
        waited = soak.load(&mut figures)?;
    }
    if waited == Waited::Done {
        waited = soak.come_to_an_end()?;
    }
    soak.finish(waited, &mut figures)?;
    Ok(figures)
}

impl<'a> Soak<'a> {
    fn start(args: &'a SoakArgs, figures: &mut Figures) -> Result<Self, RunError> {
        let run = scene::fresh_run();
        let topic = scene::topic_of(run, args.topic.as_ref());
        let conns = args.connections as usize;
        let targets = scene::targets(&args.url, &topic, conns)?;
        figures.urls = targets.iter().map(Target::to_string).collect();
        let publish_target = scene::publish_target(args.publish_url.as_ref(), &topic, &targets[0])?;
        preflight::delivers(&args.client, &targets[0], &publish_target)?;
        let form = Form::new(run, args.payload as usize);
        let leader = Leader::new(&args.client);
        let publisher = Publisher::start(publish_target, &form, Some(args.rate), conns, &leader)?;
        let (sender, handed_in) = unbounded();
        let hall = Hall::new(Churn::new(args.churn, None, 0.0), Some(sender));
        let threads = scene::threads(&args.client, conns)?;
        let plan = scene::plan("subscriber", targets, conns, &form);
        let listeners = Audience::start(plan, threads, &form, &publisher.schedule, hall, &leader)?;
        let mut soak = Self {
            args,
            leader,
            listeners,
            publisher,
            handed_in,
        };
        soak.leader.watch(soak.watched());
        Ok(soak)
    }

    /// What the series shows.
    fn watched(&self) -> Watch {
        let control = Arc::clone(self.listeners.control());
        let pid = self.args.client.server_pid;
        let mut watch = scene::watch(pid, vec![Arc::clone(&control)], self.tids());
        let hall = Arc::clone(&self.listeners.hall);
        watch.counter("deliveries_per_s", move || hall.delivered());
        watch.counter("left_per_s", move || control.left.load(Ordering::Acquire));
        watch
    }

    /// The client's threads.
    fn tids(&self) -> Vec<u32> {
        [&self.listeners.crew.tids[..], &self.publisher.crew.tids].concat()
    }

    /// Nanoseconds on a CPU of each of them.
    fn client_cpu_ns(&self) -> impl Iterator<Item = u64> {
        self.tids().into_iter().map(procfs::own_thread_cpu_ns)
    }

    /// The load, interval by interval, each with a line; ends before its time if there is nobody
    /// left to load.
    fn load(&mut self, figures: &mut Figures) -> Result<Waited, RunError> {
        let (hall, control) = (
            Arc::clone(&self.listeners.hall),
            Arc::clone(self.listeners.control()),
        );
        let cpu_before: Vec<u64> = self.client_cpu_ns().collect();
        let start = now_ns();
        self.publisher.begin();
        if self.args.churn > 0.0 {
            hall.churn.since_ns.store(start, Ordering::Release);
            control.ring_all();
        }
        let soak_s = self.args.duration.as_secs_f64();
        let mut all = Recorder::new();
        let (mut delivered, mut left) = (0, 0);
        let mut waited = Waited::Done;
        while waited == Waited::Done && seconds(start, now_ns()) < soak_s {
            let rest = soak_s - seconds(start, now_ns());
            let rest = Duration::try_from_secs_f64(rest).unwrap_or_default();
            self.pause(rest.min(self.args.interval))?;
            let latency = self.collect();
            all.merge(&latency);
            let now = |counter: &AtomicU64| counter.load(Ordering::Acquire);
            // Read once: what comes from here on belongs to the next interval.
            let (delivered_now, left_now) = (now(&hall.delivered), now(&control.left));
            let interval = Interval {
                at_s: seconds(start, now_ns()),
                deliveries: delivered_now - delivered,
                latency: latency.percentiles(),
                server_pss_bytes: self.pss(figures),
                live: now(&hall.churn.here),
                left: left_now - left,
                ended_early: self.listeners.ended(),
            };
            (delivered, left) = (delivered_now, left_now);
            let is_blind =
                self.args.client.server_pid.is_some() && interval.server_pss_bytes.is_none();
            if is_blind || is_over(self.args, &self.listeners, &self.publisher) {
                waited = Waited::Stalled;
            }
            writeln!(stdout(), "{interval}")?;
            figures.intervals.push(interval);
        }
        figures.soak_s = seconds(start, now_ns());
        figures.latency = all.percentiles();
        let used = self.client_cpu_ns().zip(cpu_before);
        let used: Vec<u64> = used
            .map(|(now, before)| now.saturating_sub(before))
            .collect();
        figures.client = ClientCost::new(&used, figures.soak_s);
        Ok(waited)
    }

    /// Lets time pass while there is somebody to load.
    fn pause(&mut self, time: Duration) -> Result<(), RunError> {
        let Self {
            args,
            leader,
            listeners,
            publisher,
            ..
        } = self;
        leader.pause_unless(time, || is_over(args, listeners, publisher))
    }

    /// The server's memory. That it cannot be read is a failure and not the end of the figures.
    fn pss(&self, figures: &mut Figures) -> Option<u64> {
        let pid = self.args.client.server_pid?;
        let read = procfs::pss_bytes(pid);
        if let Err(error) = &read {
            let what = format!("memory of process {pid}: {error}");
            *figures.opening.failures.entry(what).or_default() += 1;
        }
        read.ok()
    }

    /// The latencies of an interval that is over.
    fn collect(&self) -> Recorder {
        let control = self.listeners.control();
        self.listeners.hall.interval.fetch_add(1, Ordering::AcqRel);
        control.ring_all();
        let mut latency = Recorder::new();
        for _ in 0..control.threads() {
            if let Ok(part) = self.handed_in.recv_timeout(HAND_IN) {
                latency.merge(&part);
            }
        }
        latency
    }

    /// Waits until all are back and have had the last messages.
    fn come_to_an_end(&mut self) -> Result<Waited, RunError> {
        let Self {
            leader, listeners, ..
        } = self;
        let control = Arc::clone(listeners.control());
        let churn = &listeners.hall.churn;
        if churn.since_ns.swap(0, Ordering::AcqRel) > 0 {
            control.ring_all();
            let quiet = || u64::from(churn.quiet.load(Ordering::Acquire));
            let threads = control.threads() as u64;
            leader.wait_for("subscribers at rest", threads, quiet, || false)?;
        }
        let conns = u64::from(self.args.connections);
        let here = || churn.here.load(Ordering::Acquire);
        let is_lost = || listeners.ended() + control.gave_up.load(Ordering::Acquire) > 0;
        let back = leader.wait_for("returned", conns, here, is_lost)?;
        let schedule = &self.publisher.schedule;
        let last = u64::from(schedule.sent() + LAST_MESSAGES);
        let sent = || u64::from(schedule.sent());
        leader.wait_for("last messages", last, sent, || self.publisher.has_ended())?;
        let sent = self.publisher.end(leader)?;
        let heard = listeners.hear_all(conns, sent, leader)?;
        Ok(if back == Waited::Done { heard } else { back })
    }

    fn finish(self, waited: Waited, figures: &mut Figures) -> Result<(), RunError> {
        let sent = self.publisher.schedule.sent();
        let is_over = self.publisher.has_ended();
        figures.opening.ended_early = self.listeners.ended();
        figures.left = self.listeners.control().left.load(Ordering::Acquire);
        figures.close_unanswered = self.listeners.unanswered();
        figures.messages_sent = sent;
        figures.lateness = self.publisher.stop(&mut figures.opening)?.percentiles();
        let heard = self.listeners.stop(sent)?;
        figures.opening.add_failures(&heard.failures);
        figures.connect_to_live = heard.took.percentiles();
        figures.pings_answered = heard.pings;
        figures.ended_early_by_kind = heard.ended;
        figures.deliveries = heard.deliveries;
        let soak_s = self.args.duration.as_secs_f64();
        figures.memory_growth_percent = growth_percent(&figures.intervals, soak_s);
        let lateness = Some(&figures.lateness);
        figures.warnings = Warning::find(&figures.client, lateness);
        let has_grown_little = match figures.memory_growth_percent {
            Some(percent) => percent <= self.args.memory_growth_max,
            // It was asked for, and is not known.
            None => self.args.client.server_pid.is_none(),
        };
        figures.series = self.leader.finish();
        figures.passed = waited == Waited::Done
            && !is_over
            && figures.opening.ended_early + figures.close_unanswered == 0
            && figures.deliveries.is_clean()
            && has_grown_little;
        Ok(())
    }
}

/// Whether the server has ended the publisher, or all subscribers are gone for good.
fn is_over(args: &SoakArgs, listeners: &Audience, publisher: &Publisher) -> bool {
    let gave_up = listeners.control().gave_up.load(Ordering::Acquire);
    publisher.has_ended() || listeners.ended() + gave_up >= u64::from(args.connections)
}
