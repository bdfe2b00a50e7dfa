//! The storm: all leave, all come back, and others must not notice.

pub(crate) mod cli;
mod figures;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::app::Plan;
use crate::audience::{Audience, Publisher};
use crate::churn::Churn;
use crate::clock::{now_ns, seconds};
use crate::leader::{Leader, RunError, Waited};
use crate::listeners::Hall;
use crate::message::Form;
use crate::opener::Habits;
use crate::outbox::Leave;
use crate::phase;
use crate::preflight;
use crate::report::{Opening, add_counts, ratio};
use crate::scene;
use crate::series::Watch;
use crate::storm::cli::StormArgs;
pub(crate) use crate::storm::figures::Figures;
use crate::storm::figures::Round;
use crate::url::Target;
use crate::warning::Warning;

/// The threads of a run.
#[derive(Debug)]
struct Storm<'a> {
    args: &'a StormArgs,
    leader: Leader,
    /// Those who leave, and the publisher of the messages that tell who is back.
    leavers: Audience,
    caller: Publisher,
    steady: Audience,
    publisher: Publisher,
}

/// The topic of the steady ones, for [`Form::on_topic`].
const STEADY: u32 = 1;

/// Sees that what is asked for is possible, without asking the server.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(args: &StormArgs) -> Result<(), RunError> {
    scene::targets(&args.url, "storm", args.connections as usize)?;
    steady_target(args, "storm").map(drop)
}

/// Makes the run.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side; what the server does wrong is
/// in the figures.
pub(crate) fn run(args: &StormArgs) -> Result<Figures, RunError> {
    let mut figures = Figures {
        closed_properly: args.close,
        jitter_s: args.jitter,
        ..Figures::default()
    };
    let mut storm = Storm::start(args, &mut figures)?;
    let mut waited = storm.open(&mut figures)?;
    for _ in 0..args.rounds {
        if waited == Waited::Done {
            waited = storm.round(&mut figures)?;
        }
    }
    storm.finish(waited, &mut figures)?;
    Ok(figures)
}

impl<'a> Storm<'a> {
    fn start(args: &'a StormArgs, figures: &mut Figures) -> Result<Self, RunError> {
        let run = scene::fresh_run();
        let topic = scene::topic_of(run, args.topic.as_ref());
        let (conns, steady) = (args.connections as usize, args.steady as usize);
        let targets = scene::targets(&args.url, &topic, conns)?;
        let steady_target = steady_target(args, &topic)?;
        scene::check_ports(
            &[vec![steady_target.clone()], targets.clone()].concat(),
            conns,
        )?;
        figures.urls = targets.iter().map(Target::to_string).collect();
        figures.steady.url = steady_target.to_string();
        let form = Form::new(run, args.payload as usize);
        let steady_form = form.on_topic(STEADY);
        let leader = Leader::new(&args.client);
        let source = conns + steady;
        let called = targets[0].for_publishing();
        preflight::delivers(&args.client, &targets[0], &called)?;
        let caller = Publisher::start(called, &form, None, source, &leader)?;
        let published = steady_target.for_publishing();
        let rate = Some(args.rate);
        let publisher = Publisher::start(published, &steady_form, rate, source + 1, &leader)?;
        let how = if args.close { Leave::Close } else { Leave::Cut };
        let plan = Plan {
            habits: Habits {
                window: args.window,
                tries_max: u16::MAX,
            },
            ..scene::plan("subscriber", targets, conns, &form)
        };
        let hall = Hall::new(Churn::new(0.0, Some(how), args.jitter), None);
        let threads = scene::threads(&args.client, conns)?;
        let leavers = Audience::start(plan, threads, &form, &caller.schedule, hall, &leader)?;
        let plan = Plan {
            first_source: conns,
            ..scene::plan("steady", vec![steady_target], steady, &steady_form)
        };
        let hall = Hall::new(Churn::none(), None);
        let schedule = Arc::clone(&publisher.schedule);
        let threads = scene::threads(&args.client, steady)?;
        let steady = Audience::start(plan, threads, &steady_form, &schedule, hall, &leader)?;
        let mut storm = Self {
            args,
            leader,
            leavers,
            caller,
            steady,
            publisher,
        };
        storm.leader.watch(storm.watched());
        Ok(storm)
    }

    /// What the series shows.
    fn watched(&self) -> Watch {
        let crews = [self.leavers.control(), self.steady.control()].map(Arc::clone);
        let tids = [&self.leavers.crew.tids[..], &self.steady.crew.tids].concat();
        let mut watch = scene::watch(self.args.client.server_pid, crews.to_vec(), tids);
        let (retries, live) = (crews[0].clone(), crews[0].clone());
        let hall = Arc::clone(&self.steady.hall);
        watch.counter("deliveries_per_s", move || hall.delivered());
        watch.counter("opened_per_s", move || live.opened.load(Ordering::Acquire));
        watch.counter("retries_per_s", move || {
            retries.retries.load(Ordering::Acquire)
        });
        watch
    }

    fn rest(&mut self) -> Result<(), RunError> {
        let rest = Duration::try_from_secs_f64(self.args.rest).unwrap_or_default();
        self.leader.pause(rest)
    }

    /// Opens all connections and begins with the steady load.
    fn open(&mut self, figures: &mut Figures) -> Result<Waited, RunError> {
        let Self { args, leader, .. } = self;
        let start = now_ns();
        let mut waited = self
            .leavers
            .open(u64::from(args.connections), "subscribers", leader)?;
        figures.opening = Opening::new(args.connections, self.leavers.control(), start);
        let steady = u64::from(args.steady);
        if waited == Waited::Done {
            waited = self.steady.open(steady, "steady", leader)?;
        }
        for publisher in [&self.caller, &self.publisher] {
            if waited == Waited::Done {
                waited = publisher.open(leader)?;
            }
        }
        if waited == Waited::Done {
            self.publisher.begin();
            self.rest()?;
        }
        Ok(waited)
    }

    fn round(&mut self, figures: &mut Figures) -> Result<Waited, RunError> {
        let conns = u64::from(self.args.connections);
        let control = Arc::clone(self.leavers.control());
        let mut round = Round::default();
        self.leader.mark("all leave", None);
        let start = now_ns();
        let hall = Arc::clone(&self.steady.hall);
        hall.to_ns.store(u64::MAX, Ordering::Relaxed);
        hall.from_ns.store(start, Ordering::Release);
        let churn = &self.leavers.hall.churn;
        let left = control.left.load(Ordering::Acquire) + conns;
        control.live.store(0, Ordering::Release);
        churn.leavings.fetch_add(1, Ordering::AcqRel);
        control.ring_all();
        let have_left = || control.left.load(Ordering::Acquire);
        let is_lost = || control.ended.load(Ordering::Acquire) > 0;
        let mut waited = self.leader.wait_for("left", left, have_left, is_lost)?;
        round.leave_s = seconds(start, now_ns());
        let retries = control.retries.load(Ordering::Acquire);
        if waited == Waited::Done {
            let mut back_at = 0;
            let come_back = |now| {
                back_at = now;
                churn.returns.fetch_add(1, Ordering::AcqRel);
                control.ring_all();
            };
            let (pid, tids) = (self.args.client.server_pid, &self.leavers.crew.tids);
            let leader = &mut self.leader;
            let (returned, spent) = phase::measure_amid(pid, tids, come_back, leader, |leader| {
                leader.wait_live(&control, conns, "live again")
            })?;
            waited = returned;
            hall.to_ns.store(now_ns(), Ordering::Release);
            self.leader.mark("all live again", None);
            let opening = Opening::new(self.args.connections, &control, back_at);
            round.live_again = opening.live;
            (round.all_live_s, round.opened_per_s) = (opening.open_s, opening.opened_per_s);
            let cpu_us = spent.server.on_cpu_ns as f64 / 1e3;
            round.server_cpu_us_per_connection = pid.map(|_| ratio(cpu_us, conns as f64));
            figures.client = spent.client;
        }
        round.retries = control.retries.load(Ordering::Acquire) - retries;
        figures.rounds.push(round);
        if waited == Waited::Done {
            let messages = self.caller.send_one();
            let delivered = || self.leavers.hall.delivered.load(Ordering::Acquire);
            let all = u64::from(messages) * conns;
            waited = self.leader.wait_for("reached", all, delivered, is_lost)?;
        }
        self.rest()?;
        Ok(waited)
    }

    fn finish(mut self, waited: Waited, figures: &mut Figures) -> Result<(), RunError> {
        let steady = u64::from(self.args.steady);
        let mut waited = waited;
        let mut sent = self.publisher.schedule.sent();
        if sent > 0 {
            sent = self.publisher.end(&mut self.leader)?;
            let heard = self.steady.hear_all(steady, sent, &mut self.leader)?;
            waited = if heard == Waited::Done { waited } else { heard };
        }
        let is_over = self.caller.has_ended() || self.publisher.has_ended();
        figures.opening.ended_early = self.leavers.ended() + self.steady.ended();
        figures.close_unanswered = self.leavers.unanswered();
        let called = self.caller.schedule.sent();
        self.caller.stop(&mut figures.opening)?;
        figures.steady.lateness = self.publisher.stop(&mut figures.opening)?.percentiles();
        let leavers = self.leavers.stop(called)?;
        figures.deliveries = leavers.deliveries;
        figures.connect_to_live = leavers.took.percentiles();
        figures.opening.add_failures(&leavers.failures);
        let heard = self.steady.stop(sent)?;
        figures.opening.add_failures(&heard.failures);
        figures.ended_early_by_kind = leavers.ended;
        add_counts(&mut figures.ended_early_by_kind, &heard.ended);
        let at = |index: usize| heard.latency[index].percentiles();
        figures.steady.latency_before = at(0);
        figures.steady.latency_during = at(1);
        figures.steady.latency_after = at(2);
        figures.steady.subscribers = self.args.steady;
        figures.steady.rate_per_s = self.args.rate;
        figures.steady.messages_sent = sent;
        figures.steady.deliveries = heard.deliveries;
        let lateness = Some(&figures.steady.lateness);
        figures.warnings = Warning::find(&figures.client, lateness);
        figures.series = self.leader.finish();
        figures.passed = waited == Waited::Done
            && !is_over
            && figures.opening.ended_early + figures.close_unanswered == 0
            && figures.deliveries.is_clean()
            && figures.steady.deliveries.is_clean();
        Ok(())
    }
}

/// Where the steady ones connect.
fn steady_target(args: &StormArgs, topic: &str) -> Result<Target, RunError> {
    let first = args.url.first().map_or("", String::as_str);
    if args.steady_url.is_none() && !first.contains("{topic}") {
        let text = "the steady ones need a topic of their own: {topic} in --url, or --steady-url";
        return Err(RunError::Usage(text.to_owned()));
    }
    let url = args.steady_url.as_deref().unwrap_or(first);
    Target::parse(url, &format!("{topic}-steady")).map_err(RunError::Usage)
}
