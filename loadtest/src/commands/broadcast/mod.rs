//! `fanout`, `topics` and `chat`: every message of a topic to every one of its subscribers.

pub(crate) mod cli;
mod crews;
mod figures;
mod setup;

use std::cell::Cell;
use std::sync::Arc;

use crate::agents::work::Work;
use crate::agents::{self, Sum};
use crate::check::reach;
use crate::client::control::load;
use crate::clock::{now_ns, seconds};
use crate::commands::broadcast::cli::{ChatArgs, FanoutArgs, TopicsArgs};
pub(crate) use crate::commands::broadcast::crews::part;
use crate::commands::broadcast::crews::{Controls, Side};
pub(crate) use crate::commands::broadcast::figures::{Figures, Memory, TopicMemory};
use crate::commands::broadcast::setup::Setup;
use crate::flags::ClientArgs;
use crate::pubsub::progress::Progress;
use crate::report::figures::Found;
use crate::report::{Opening, ratio};
use crate::run::leader::{RunError, Waited};
use crate::run::phase::Phase;
use crate::run::{Scenario, Scene, Stage, preflight};

/// Makes a command of flags and the setup they stand for.
macro_rules! scenario {
    ($args:ty, $setup:path) => {
        impl Scenario for $args {
            type Setup = Setup;
            type Figures = Figures;

            fn client(&self) -> &ClientArgs {
                &self.client
            }

            fn setup(&self) -> Result<Setup, RunError> {
                $setup(self)
            }

            fn run(&self, setup: Setup) -> Result<Found<Figures>, RunError> {
                let mut scene = Scene::new(&self.client, &setup.targets);
                scene.leader.set_deadline(&self.phase);
                let from = setup.publish_targets.first().unwrap_or(&setup.targets[0]);
                preflight::delivers(&self.client, &setup.targets[0], from)?;
                Run::start(setup, scene)?.make()
            }
        }
    };
}

scenario!(FanoutArgs, Setup::of_fanout);
scenario!(TopicsArgs, Setup::of_topics);
scenario!(ChatArgs, Setup::of_chat);

pub(crate) struct Run<'a> {
    setup: Setup,
    scene: Scene<'a>,
    controls: Controls,
    side: Side,
    progress: Arc<Progress>,
    figures: Figures,
    /// Of an agent: when the first message was due, and the CPU time of each thread then.
    begun: Cell<Option<(u64, Vec<u64>)>>,
}

impl<'a> Run<'a> {
    fn start(setup: Setup, mut scene: Scene<'a>) -> Result<Self, RunError> {
        let controls = Controls::new(&setup, &scene)?;
        let progress = Arc::new(setup.progress(&scene.leader, &controls.publishers));
        let side = Side::start(&setup, &mut scene, &controls, &progress)?;
        let mut watch = scene.watch();
        let counted = Arc::clone(&progress);
        watch.counter("deliveries_per_s", move || load(&counted.delivered));
        scene.leader.watch(watch);
        Ok(Self {
            figures: setup.figures(),
            setup,
            scene,
            controls,
            side,
            progress,
            begun: Cell::new(None),
        })
    }

    fn make(mut self) -> Result<Found<Figures>, RunError> {
        let mut waited = self.open_all()?;
        if self.setup.warms_up {
            waited = waited.then(|| self.warm())?;
        }
        let mut spent = Phase::default();
        if waited == Waited::Done {
            (waited, spent) = self.load()?;
            self.scene.leader.pause(self.setup.hold)?;
        }
        self.finish(waited, spent)
    }

    /// Opens all connections, those of the publishers last, and reads the server's memory.
    fn open_all(&mut self) -> Result<Waited, RunError> {
        let (scene, control) = (&mut self.scene, &self.controls.subscribers);
        let schedule = self.setup.schedule;
        let before = scene.pss()?;
        let (start, mut resting_s, mut readings) = (now_ns(), 0.0, Vec::new());
        let mut waited = Waited::Done;
        let marks = self.setup.marks.iter().copied();
        for mark in marks.chain([schedule.subscribers]) {
            if waited == Waited::Done {
                waited = scene.open(control, u64::from(mark), "subscribers")?;
                let rest = now_ns();
                readings.push((mark, scene.pss()?));
                if mark < schedule.subscribers {
                    resting_s += seconds(rest, now_ns());
                }
            }
        }
        let connected = readings.last().map(|(_, pss)| *pss).filter(|pss| *pss > 0);
        scene.leader.mark("connected", connected);
        let mut opening = Opening::new(schedule.subscribers, control, start);
        opening.open_s -= resting_s;
        opening.opened_per_s = ratio(opening.live as f64, opening.open_s);
        scene.base.opening = opening;
        let memory = |_| Memory::new(schedule.topics, before, &readings);
        self.figures.server_memory = scene.pid().and_then(memory);
        if !self.setup.publish_targets.is_empty() && waited == Waited::Done {
            let publishers = &self.controls.publishers;
            waited = scene.open(publishers, schedule.conns() as u64, "publishers")?;
        }
        Ok(waited)
    }

    fn warm(&mut self) -> Result<Waited, RunError> {
        Work::warm_up(self);
        let wanted = u64::from(self.setup.schedule.subscribers);
        let (warmed, lost) = (|| load(&self.progress.warmed), self.scene.lost());
        let leader = &mut self.scene.leader;
        leader.wait_for("warm-up", wanted, warmed, lost)
    }

    fn load(&mut self) -> Result<(Waited, Phase), RunError> {
        let crew = Arc::clone(&self.controls.publishers);
        let (progress, lost) = (&self.progress, self.scene.lost());
        let lead = self.side.lead();
        let start = |now: u64| {
            let lead_ns = u64::try_from(lead.as_nanos()).unwrap_or(0);
            progress.timeline.start(now + lead_ns);
            crew.ring_all();
        };
        let deliveries = self.setup.schedule.deliveries();
        let stage = Stage::of("deliveries", deliveries);
        let (waited, mut spent) = self.scene.measure(start, |leader| match deliveries {
            // Where no topic of a message has a subscriber, no thread tells of the end.
            0 => Ok(Waited::Done),
            _ => leader.wait_done(stage, || load(&progress.delivered), lost),
        })?;
        spent.wall_s = (spent.wall_s - lead.as_secs_f64()).max(0.0);
        Ok((waited, spent))
    }

    /// Ends the threads and adds up what they found.
    fn finish(self, waited: Waited, spent: Phase) -> Result<Found<Figures>, RunError> {
        let (mut scene, mut figures) = (self.scene, self.figures);
        scene.base.opening.ended_early = scene.ended();
        let schedule = self.setup.schedule;
        let Sum {
            heard: found,
            client,
            agents,
        } = self.side.stop(&self.setup)?;
        scene.base.opening.add_failures(&found.failures);
        figures.messages_sent = found.messages_sent();
        figures.lateness = schedule.rate().map(|_| found.lateness.percentiles());
        figures.latency = found.latency.percentiles();
        let is_chat = figures.publish_urls.is_empty();
        figures.own_latency = is_chat.then(|| found.own.percentiles());
        figures.reached = (!found.reach.is_empty()).then(|| reach::reached(&found.reach));
        let came = found.compressed;
        let mean = || ratio(came.bytes as f64, came.messages as f64);
        figures.compressed_bytes = (0 < came.messages).then(mean);
        figures.deliveries = found.deliveries;
        let deliveries = &mut figures.deliveries;
        // A publisher that waits sends no more once a message is lost.
        deliveries.expected = schedule.deliveries();
        figures.message_phase_s = spent.wall_s;
        figures.deliveries_per_s = ratio(deliveries.got as f64, spent.wall_s);
        let sends = found.received + deliveries.copies_to_publishers;
        figures.server = scene.server_cost(&spent, sends);
        scene.base.passed = waited == Waited::Done
            && deliveries.is_clean()
            && scene.base.opening.ended_early == 0
            && agents.iter().all(|agent| agent.lost.is_none());
        scene.base.client = spent.client;
        if !agents.is_empty() {
            scene.base.client = client;
            figures.latency_error_us = Some(agents::latency_error_us(&agents));
            figures.agents = agents;
        }
        let late_us = figures.lateness.as_ref().map_or(0.0, |late| late.p99_us);
        Ok(scene.finish(late_us, figures))
    }
}
