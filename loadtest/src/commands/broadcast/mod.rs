//! `fanout`, `topics` and `chat`: every message of a topic to every one of its subscribers.

pub(crate) mod cli;
mod figures;
mod setup;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::check::reach;
use crate::client::control::{Control, load};
use crate::client::crew::{self, Crew};
use crate::client::{Place, Plan};
use crate::clock::{now_ns, seconds};
use crate::commands::broadcast::cli::{ChatArgs, FanoutArgs, TopicsArgs};
pub(crate) use crate::commands::broadcast::figures::{Figures, Memory, TopicMemory};
use crate::commands::broadcast::setup::Setup;
use crate::flags::ClientArgs;
use crate::pubsub::progress::Progress;
use crate::pubsub::{Inbox, Members, Publishers, Subscribers, heard};
use crate::report::figures::Found;
use crate::report::{Opening, ratio};
use crate::run::leader::{RunError, Waited};
use crate::run::phase::Phase;
use crate::run::{Scenario, Scene, Stage, plan, preflight};

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

struct Run<'a> {
    setup: Setup,
    scene: Scene<'a>,
    subscribers: Crew<Members>,
    /// None where subscribers publish.
    publishers: Option<Crew<Members>>,
    progress: Arc<Progress>,
    figures: Figures,
}

impl<'a> Run<'a> {
    fn start(setup: Setup, mut scene: Scene<'a>) -> Result<Self, RunError> {
        let schedule = setup.schedule;
        let conns = schedule.subscribers as usize;
        let is_apart = !setup.publish_targets.is_empty();
        let subscribing = Arc::new(Control::new(scene.threads(conns)?)?);
        let publishing = match is_apart {
            // Threads of their own, so that reading never holds up the schedule.
            true => Arc::new(Control::new(crew::threads_for(schedule.conns(), 1)?)?),
            false => Arc::clone(&subscribing),
        };
        let progress = Arc::new(setup.progress(&scene.leader, &publishing));
        let form = &setup.form;
        let publishers = |place: Place| {
            let progress = Arc::clone(&progress);
            Some(Box::new(Publishers::new(
                place,
                schedule,
                form.clone(),
                progress,
            )))
        };
        let inbox = |place, conns, numbering| {
            Inbox::new(place, conns, numbering, schedule.publishers, form.clone())
        };
        let (numbering, publisher_numbering) = setup.numberings();
        let subscriber = Plan {
            gather: Duration::from_micros(u64::from(setup.gather_us)),
            deflate: setup.deflate,
            resets: setup.resets,
            numbering: Some(numbering),
            ..plan("subscriber", setup.targets.clone(), conns, form)
        };
        let subscribers = scene.crew_of(subscriber, subscribing, &[&publishing], |place| {
            let inbox = inbox(place, conns, numbering);
            let progress = Arc::clone(&progress);
            let subscribers = Subscribers::new(place, inbox, schedule.topics, progress);
            Members {
                subscribers: Some(Box::new(subscribers)),
                publishers: if is_apart { None } else { publishers(place) },
                ..Members::default()
            }
        })?;
        let publisher = Plan {
            first_source: conns,
            numbering: Some(publisher_numbering),
            ..plan(
                "publisher",
                setup.publish_targets.clone(),
                schedule.conns(),
                form,
            )
        };
        let publishers = is_apart.then(|| {
            scene.crew_of(publisher, publishing, &[], |place| Members {
                publishers: publishers(place),
                copies: Some(inbox(place, schedule.conns(), publisher_numbering)),
                ..Members::default()
            })
        });
        let mut watch = scene.watch();
        let counted = Arc::clone(&progress);
        watch.counter("deliveries_per_s", move || load(&counted.delivered));
        scene.leader.watch(watch);
        Ok(Self {
            publishers: publishers.transpose()?,
            figures: setup.figures(),
            setup,
            scene,
            subscribers,
            progress,
        })
    }

    fn make(mut self) -> Result<Found<Figures>, RunError> {
        let mut waited = self.open()?;
        if self.setup.warms_up {
            waited = waited.then(|| self.warm_up())?;
        }
        let mut spent = Phase::default();
        if waited == Waited::Done {
            (waited, spent) = self.load()?;
            self.scene.leader.pause(self.setup.hold)?;
        }
        self.finish(waited, spent)
    }

    /// Opens all connections, those of the publishers last, and reads the server's memory.
    fn open(&mut self) -> Result<Waited, RunError> {
        let (scene, control) = (&mut self.scene, &self.subscribers.control);
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
        if let Some(publishers) = &self.publishers
            && waited == Waited::Done
        {
            waited = scene.open(&publishers.control, schedule.conns() as u64, "publishers")?;
        }
        Ok(waited)
    }

    /// The crew that publishes.
    fn publishing(&self) -> &Arc<Control> {
        let crew = self.publishers.as_ref().unwrap_or(&self.subscribers);
        &crew.control
    }

    fn warm_up(&mut self) -> Result<Waited, RunError> {
        self.progress.warm_up.store(true, Ordering::Release);
        self.publishing().ring_all();
        let wanted = u64::from(self.setup.schedule.subscribers);
        let (warmed, lost) = (|| load(&self.progress.warmed), self.scene.lost());
        let leader = &mut self.scene.leader;
        leader.wait_for("warm-up", wanted, warmed, lost)
    }

    fn load(&mut self) -> Result<(Waited, Phase), RunError> {
        let crew = Arc::clone(self.publishing());
        let (progress, lost) = (&self.progress, self.scene.lost());
        let start = |now| {
            progress.timeline.start(now);
            crew.ring_all();
        };
        let deliveries = self.setup.schedule.deliveries();
        let stage = Stage::of("deliveries", deliveries);
        self.scene.measure(start, |leader| match deliveries {
            // Where no topic of a message has a subscriber, no thread tells of the end.
            0 => Ok(Waited::Done),
            _ => leader.wait_done(stage, || load(&progress.delivered), lost),
        })
    }

    /// Ends the threads and adds up what they found.
    fn finish(self, waited: Waited, spent: Phase) -> Result<Found<Figures>, RunError> {
        let (mut scene, mut figures) = (self.scene, self.figures);
        scene.base.opening.ended_early = scene.ended();
        let publishers = self.publishers.map(Crew::stop).transpose()?;
        let mut threads = publishers.unwrap_or_default();
        threads.extend(self.subscribers.stop()?);
        let schedule = self.setup.schedule;
        let sent = vec![0; schedule.conns()];
        let found = heard(threads, sent, schedule.publishers as usize);
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
        scene.base.passed =
            waited == Waited::Done && deliveries.is_clean() && scene.base.opening.ended_early == 0;
        scene.base.client = spent.client;
        let late_us = figures.lateness.as_ref().map_or(0.0, |late| late.p99_us);
        Ok(scene.finish(late_us, figures))
    }
}
