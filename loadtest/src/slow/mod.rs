//! `slow`: some subscribers read slowly, and the others must not notice.

pub(crate) mod cli;
mod figures;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::app::{Plan, Reading};
use crate::audience::{Audience, Publisher};
use crate::churn::Churn;
use crate::clock::now_ns;
use crate::control::load;
use crate::flags::ClientArgs;
use crate::leader::{Leader, RunError, Waited};
use crate::listeners::Hall;
use crate::message::Form;
use crate::phase;
use crate::preflight;
use crate::report::ServerCost;
use crate::scene::{self, Scenario, Scene};
use crate::slow::cli::SlowArgs;
pub(crate) use crate::slow::figures::Figures;
use crate::targets::Topic;
use crate::url::Target;

#[derive(Debug)]
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
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn check(&self) -> Result<(), RunError> {
        targets(self).map(drop)
    }

    fn run(&self) -> Result<Figures, RunError> {
        let mut run = Run::start(self)?;
        let mut waited = run.open()?;
        if waited == Waited::Done {
            waited = run.load()?;
        }
        run.finish(waited)
    }
}

/// Where subscribers connect, and where the publisher does.
fn targets(args: &SlowArgs) -> Result<(Topic, Target), RunError> {
    if args.connections <= args.slow {
        let text = "--slow must be below --connections";
        return Err(RunError::Usage(text.to_owned()));
    }
    let topic = args.at.start(args.connections)?;
    let wanted = args.publish_url.as_ref();
    let publish_target = scene::publish_target(wanted, &topic.name, &topic.targets[0])?;
    Ok((topic, publish_target))
}

impl<'a> Run<'a> {
    fn start(args: &'a SlowArgs) -> Result<Self, RunError> {
        let (Topic { run, targets, .. }, publish_target) = targets(args)?;
        let (all, slow) = (args.connections as usize, args.slow as usize);
        preflight::delivers(&args.client, &targets[0], &publish_target)?;
        let form = Form::new(run, args.payload as usize);
        let mut scene = Scene::new(&args.client, Leader::new(&args.client), &targets);
        let leader = &scene.leader;
        let publisher = Publisher::start(publish_target, &form, Some(args.rate), all, leader)?;
        let audience = |plan: Plan, is_slow: bool| {
            let threads = scene.threads(plan.conns)?;
            let mut hall = Hall::new(Churn::none(), None);
            hall.returns = is_slow && args.rounds > 1;
            hall.is_in_series = !is_slow;
            Audience::start(plan, threads, &form, &publisher.schedule, hall, leader)
        };
        let plan = scene::plan("reader", targets.clone(), all - slow, &form);
        let others = audience(plan, false)?;
        let plan = Plan {
            first_source: all - slow,
            reading: Reading::Slowly {
                bytes_per_s: args.slow_rate.unwrap_or(0),
                buffer: args.slow_buffer,
            },
            ..scene::plan("slow", targets, slow, &form)
        };
        let slow = audience(plan, true)?;
        let crews = [others.control(), slow.control()].map(Arc::clone);
        scene.tids = [&others.crew.tids[..], &publisher.crew.tids].concat();
        let mut watch = scene::watch(scene.pid(), crews.to_vec(), scene.tids.clone());
        let (to_others, to_slow) = (Arc::clone(&others.hall), Arc::clone(&slow.hall));
        watch.counter("deliveries_per_s", move || to_others.delivered());
        watch.counter("deliveries_to_slow_per_s", move || to_slow.delivered());
        scene.leader.watch(watch);
        let figures = Figures {
            payload_bytes: args.payload,
            rate_per_s: args.rate,
            ..Figures::default()
        };
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
        let mut waited = scene.open_all(self.others.control(), all - slow, "readers")?;
        if waited == Waited::Done {
            waited = scene.open(self.slow.control(), u64::from(slow), "slow readers")?;
        }
        scene.base.opening.connections = all;
        scene.base.opening.live += load(&self.slow.control().live);
        if waited == Waited::Done {
            waited = self.publisher.open(&mut scene.leader)?;
        }
        Ok(waited)
    }

    /// All rounds, and then what is left for the slow ones.
    fn load(&mut self) -> Result<Waited, RunError> {
        self.publisher.begin();
        for round in 0..self.args.rounds {
            // Which half comes first alternates, as the speed of a host drifts.
            for half in [round, round + 1] {
                if half.is_multiple_of(2) {
                    self.scene.leader.pause(self.args.duration)?;
                    self.figures.server_pss_before_bytes = self.pss()?;
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
        let (slow, hall) = (self.slow.control(), &self.others.hall);
        let (pid, scene) = (self.scene.pid(), &mut self.scene);
        scene.leader.mark("slow ones stop reading", None);
        let before = hall.delivered();
        let begin = |now| {
            slow.read_slowly(true);
            hall.to_ns.store(u64::MAX, Ordering::Relaxed);
            hall.from_ns.store(now, Ordering::Release);
        };
        let pause = |leader: &mut Leader| leader.pause(self.args.duration).map(|()| Waited::Done);
        let leader = &mut scene.leader;
        let (_, spent) = phase::measure_amid(pid, &scene.tids, begin, leader, pause)?;
        let delivered = hall.delivered() - before;
        self.figures.server_pss_beside_slow_bytes = self.pss()?;
        let cost = |_| ServerCost::new(spent.server, delivered, spent.wall_s);
        self.figures.server = pid.map(cost);
        self.scene.base.client = spent.client;
        let leader = &mut self.scene.leader;
        leader.mark("slow ones read on", None);
        self.slow.control().read_slowly(false);
        leader.pause(QUIET)?;
        // What the slow ones have to read yet is not without them.
        self.others.hall.to_ns.store(now_ns(), Ordering::Release);
        Ok(())
    }

    /// Waits until the slow ones have read what was left for them.
    fn catch_up(&mut self) -> Result<(), RunError> {
        loop {
            let before = (self.slow.hall.delivered(), self.slow.ended());
            self.scene.leader.pause(QUIET)?;
            if before == (self.slow.hall.delivered(), self.slow.ended()) {
                return Ok(());
            }
        }
    }

    fn pss(&self) -> Result<Option<u64>, RunError> {
        let pid = self.scene.pid();
        pid.map(|_| scene::pss_now(pid)).transpose()
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
        opening.ended_early = self.others.ended();
        figures.messages_sent = sent;
        figures.lateness = self.publisher.stop(opening)?.percentiles();
        let others = self.others.stop(sent)?;
        opening.add_failures(&others.failures);
        let [mut without, beside, after] = others.latency;
        without.merge(&after);
        figures.latency_without_slow = without.percentiles();
        figures.latency_beside_slow = beside.percentiles();
        figures.deliveries = others.deliveries;
        let heard = self.slow.stop(sent)?;
        opening.add_failures(&heard.failures);
        let slow = &heard.deliveries;
        figures.slow.readers = self.args.slow;
        figures.slow.bytes_per_s = self.args.slow_rate.unwrap_or(0);
        figures.slow.messages_got = slow.got;
        figures.slow.messages_missed = slow.lost;
        figures.slow.messages_faulty = slow.duplicated + slow.reordered + slow.foreign;
        figures.slow.ended = heard.ended;
        scene.base.passed = waited == Waited::Done
            && !is_over
            && opening.ended_early == 0
            && figures.deliveries.is_clean()
            && figures.slow.messages_faulty == 0;
        let client = scene.base.client.clone();
        figures.base = scene.finish(client, Some(&figures.lateness));
        Ok(figures)
    }
}
