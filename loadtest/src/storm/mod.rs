//! `storm`: all leave, all come back, and others must not notice.

pub(crate) mod cli;
mod figures;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::app::Plan;
use crate::audience::{Audience, Publisher};
use crate::churn::Churn;
use crate::clock::{now_ns, seconds};
use crate::control::load;
use crate::flags::ClientArgs;
use crate::leader::{Leader, RunError, Waited};
use crate::listeners::Hall;
use crate::message::Form;
use crate::opener::Habits;
use crate::outbox::Leave;
use crate::phase;
use crate::preflight;
use crate::report::{Opening, add_counts, ratio};
use crate::scene::{self, Scenario, Scene};
use crate::storm::cli::StormArgs;
pub(crate) use crate::storm::figures::Figures;
use crate::storm::figures::Round;
use crate::targets::Topic;
use crate::url::Target;

#[derive(Debug)]
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
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn check(&self) -> Result<(), RunError> {
        targets(self).map(drop)
    }

    fn run(&self) -> Result<Figures, RunError> {
        let mut storm = Storm::start(self)?;
        let mut waited = storm.open()?;
        for _ in 0..self.rounds {
            if waited == Waited::Done {
                waited = storm.round()?;
            }
        }
        storm.finish(waited)
    }
}

/// Where those that leave connect, and where the steady ones do.
fn targets(args: &StormArgs) -> Result<(Topic, Target), RunError> {
    let first = args.at.url.first().map_or("", String::as_str);
    if args.steady_url.is_none() && !first.contains("{topic}") {
        let text = "the steady ones need a topic of their own: {topic} in --url, or --steady-url";
        return Err(RunError::Usage(text.to_owned()));
    }
    let url = args.steady_url.as_deref().unwrap_or(first);
    let topic = args.at.start(args.connections)?;
    let other = format!("{}-steady", topic.name);
    let steady = Target::parse(url, &other).map_err(RunError::Usage)?;
    let all = [std::slice::from_ref(&steady), &topic.targets].concat();
    scene::check_ports(&all, args.connections as usize)?;
    Ok((topic, steady))
}

impl<'a> Storm<'a> {
    fn start(args: &'a StormArgs) -> Result<Self, RunError> {
        let (conns, steady) = (args.connections as usize, args.steady as usize);
        let (Topic { run, targets, .. }, steady_target) = targets(args)?;
        let mut figures = Figures {
            closed_properly: args.close,
            jitter_s: args.jitter,
            ..Figures::default()
        };
        figures.steady.url = steady_target.to_string();
        figures.steady.subscribers = args.steady;
        figures.steady.rate_per_s = args.rate;
        let form = Form::new(run, args.payload as usize);
        let steady_form = form.on_topic(STEADY);
        let called = targets[0].for_publishing();
        preflight::delivers(&args.client, &targets[0], &called)?;
        let mut scene = Scene::new(&args.client, Leader::new(&args.client), &targets);
        let (leader, source) = (&scene.leader, conns + steady);
        let caller = Publisher::start(called, &form, None, source, leader)?;
        let published = steady_target.for_publishing();
        let rate = Some(args.rate);
        let publisher = Publisher::start(published, &steady_form, rate, source + 1, leader)?;
        let how = if args.close { Leave::Close } else { Leave::Cut };
        let plan = Plan {
            habits: Habits {
                window: args.window,
                tries_max: u16::MAX,
            },
            ..scene::plan("subscriber", targets, conns, &form)
        };
        let hall = Hall::new(Churn::new(0.0, Some(how), args.jitter), None);
        let threads = scene.threads(conns)?;
        let leavers = Audience::start(plan, threads, &form, &caller.schedule, hall, leader)?;
        let plan = Plan {
            first_source: conns,
            ..scene::plan("steady", vec![steady_target], steady, &steady_form)
        };
        let hall = Hall::new(Churn::none(), None);
        let (threads, schedule) = (scene.threads(steady)?, &publisher.schedule);
        let steady = Audience::start(plan, threads, &steady_form, schedule, hall, leader)?;
        let crews = [leavers.control(), steady.control()].map(Arc::clone);
        let tids = [&leavers.crew.tids[..], &steady.crew.tids].concat();
        let mut watch = scene::watch(scene.pid(), crews.to_vec(), tids);
        let [retries, live] = [(); 2].map(|()| Arc::clone(leavers.control()));
        let hall = Arc::clone(&steady.hall);
        watch.counter("deliveries_per_s", move || hall.delivered());
        watch.counter("opened_per_s", move || load(&live.opened));
        watch.counter("retries_per_s", move || load(&retries.retries));
        scene.leader.watch(watch);
        Ok(Self {
            args,
            scene,
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
        let mut waited = scene.open_all(self.leavers.control(), conns, "subscribers")?;
        if waited == Waited::Done {
            let steady = u64::from(self.args.steady);
            waited = scene.open(self.steady.control(), steady, "steady")?;
        }
        for publisher in [&self.caller, &self.publisher] {
            if waited == Waited::Done {
                waited = publisher.open(&mut scene.leader)?;
            }
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
        let hall = &self.steady.hall;
        hall.to_ns.store(u64::MAX, Ordering::Relaxed);
        hall.from_ns.store(start, Ordering::Release);
        let left = load(&control.left) + conns;
        control.live.store(0, Ordering::Release);
        let leavings = &self.leavers.hall.churn.leavings;
        leavings.fetch_add(1, Ordering::AcqRel);
        control.ring_all();
        let is_lost = || control.has_ended();
        let mut waited = leader.wait_for("left", left, || load(&control.left), is_lost)?;
        let mut round = Round {
            leave_s: seconds(start, now_ns()),
            ..Round::default()
        };
        let retries = load(&control.retries);
        if waited == Waited::Done {
            waited = self.come_back(&mut round)?;
        }
        round.retries = load(&control.retries) - retries;
        self.figures.rounds.push(round);
        if waited == Waited::Done {
            let all = u64::from(self.caller.send_one()) * conns;
            let delivered = || self.leavers.hall.delivered();
            let leader = &mut self.scene.leader;
            waited = leader.wait_for("reached", all, delivered, is_lost)?;
        }
        self.rest()?;
        Ok(waited)
    }

    fn come_back(&mut self, round: &mut Round) -> Result<Waited, RunError> {
        let conns = self.args.connections;
        let (control, pid) = (self.leavers.control(), self.scene.pid());
        let mut back_at = 0;
        let begin = |now| {
            back_at = now;
            let returns = &self.leavers.hall.churn.returns;
            returns.fetch_add(1, Ordering::AcqRel);
            control.ring_all();
        };
        let (tids, leader) = (&self.leavers.crew.tids, &mut self.scene.leader);
        let (waited, spent) = phase::measure_amid(pid, tids, begin, leader, |leader| {
            leader.wait_live(control, u64::from(conns), "live again")
        })?;
        self.steady.hall.to_ns.store(now_ns(), Ordering::Release);
        leader.mark("all live again", None);
        let opening = Opening::new(conns, control, back_at);
        round.live_again = opening.live;
        (round.all_live_s, round.opened_per_s) = (opening.open_s, opening.opened_per_s);
        let cpu_us = spent.server.on_cpu_ns as f64 / 1e3;
        round.server_cpu_us_per_connection = pid.map(|_| ratio(cpu_us, f64::from(conns)));
        self.scene.base.client = spent.client;
        Ok(waited)
    }

    fn finish(self, mut waited: Waited) -> Result<Figures, RunError> {
        let Self {
            mut scene,
            mut figures,
            ..
        } = self;
        let mut sent = self.publisher.schedule.sent();
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
        let called = self.caller.schedule.sent();
        self.caller.stop(opening)?;
        figures.steady.lateness = self.publisher.stop(opening)?.percentiles();
        let leavers = self.leavers.stop(called)?;
        figures.deliveries = leavers.deliveries;
        figures.connect_to_live = leavers.took.percentiles();
        opening.add_failures(&leavers.failures);
        let heard = self.steady.stop(sent)?;
        opening.add_failures(&heard.failures);
        figures.ended_early_by_kind = leavers.ended;
        add_counts(&mut figures.ended_early_by_kind, &heard.ended);
        let steady = &mut figures.steady;
        let [before, during, after] = heard.latency.map(|latency| latency.percentiles());
        (steady.latency_before, steady.latency_during) = (before, during);
        steady.latency_after = after;
        steady.messages_sent = sent;
        steady.deliveries = heard.deliveries;
        scene.base.passed = waited == Waited::Done
            && !is_over
            && opening.ended_early + figures.close_unanswered == 0
            && figures.deliveries.is_clean()
            && steady.deliveries.is_clean();
        let client = scene.base.client.clone();
        figures.base = scene.finish(client, Some(&steady.lateness));
        Ok(figures)
    }
}
