//! `fanout`, `topics` and `chat`: every message of a topic to every one of its subscribers.

pub(crate) mod cli;
mod figures;
mod members;
mod parts;
mod progress;
mod publishers;
mod schedule;
mod setup;
mod subscribers;
mod sum;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::app::Plan;
use crate::broadcast::cli::{ChatArgs, FanoutArgs, TopicsArgs};
pub(crate) use crate::broadcast::figures::{Figures, Memory, TopicMemory};
pub(crate) use crate::broadcast::members::Members;
use crate::broadcast::members::Role;
use crate::broadcast::parts::Parts;
pub(crate) use crate::broadcast::parts::publisher;
use crate::broadcast::progress::Progress;
use crate::broadcast::schedule::Pace;
use crate::broadcast::setup::Setup;
use crate::broadcast::sum::Sum;
use crate::clock::{now_ns, seconds};
use crate::control::{Control, load};
use crate::crew::{self, Crew};
use crate::flags::ClientArgs;
use crate::leader::{Leader, RunError, Waited};
use crate::phase::Phase;
use crate::preflight;
use crate::report::{Opening, ratio};
use crate::scene::{self, Scenario, Scene};
use crate::show::Stage;
use crate::timeline::Timeline;

/// Makes a command of flags and the setup they stand for.
macro_rules! scenario {
    ($args:ty, $setup:path) => {
        impl Scenario for $args {
            type Figures = Figures;

            fn client(&self) -> &ClientArgs {
                &self.client
            }

            fn check(&self) -> Result<(), RunError> {
                $setup(self).map(drop)
            }

            fn run(&self) -> Result<Figures, RunError> {
                make($setup(self)?)
            }
        }
    };
}

scenario!(FanoutArgs, Setup::of_fanout);
scenario!(TopicsArgs, Setup::of_topics);
scenario!(ChatArgs, Setup::of_chat);

#[derive(Debug)]
struct Run<'a> {
    setup: Setup<'a>,
    scene: Scene<'a>,
    subscribers: Crew<Members>,
    /// None where subscribers publish.
    publishers: Option<Crew<Members>>,
    progress: Arc<Progress>,
    figures: Figures,
}

fn make(setup: Setup<'_>) -> Result<Figures, RunError> {
    let from = setup.publish_targets.first().unwrap_or(&setup.targets[0]);
    preflight::delivers(setup.client, &setup.targets[0], from)?;
    let mut run = Run::start(setup)?;
    let mut waited = run.open()?;
    if waited == Waited::Done && run.setup.warms_up {
        waited = run.warm_up()?;
    }
    let mut spent = Phase::default();
    if waited == Waited::Done {
        (waited, spent) = run.load()?;
        run.scene.leader.pause(run.setup.hold)?;
    }
    run.finish(waited, spent)
}

impl<'a> Run<'a> {
    fn start(setup: Setup<'a>) -> Result<Self, RunError> {
        let leader = Leader::new(setup.client).until(setup.phase);
        let mut scene = Scene::new(setup.client, leader, &setup.targets);
        let schedule = setup.schedule;
        let conns = schedule.subscribers as usize;
        let is_apart = !setup.publish_targets.is_empty();
        let subscribing = Arc::new(Control::new(scene.threads(conns)?)?);
        let publishing = match is_apart {
            // Threads of their own, so that reading never holds up the schedule.
            true => Arc::new(Control::new(crew::threads_for(schedule.conns(), 1)?)?),
            false => Arc::clone(&subscribing),
        };
        let waiting = match schedule.pace {
            Pace::AfterAll => schedule.conns(),
            Pace::AfterOwn | Pace::Rate(_) | Pace::Told => 0,
        };
        let done = scene.leader.sender.clone();
        let ring = Arc::clone(&publishing);
        let timeline = Timeline::new(schedule.rate(), schedule.messages);
        let (timeline, all) = (Arc::new(timeline), schedule.deliveries());
        let progress = Progress::new(timeline, all, waiting, ring, done);
        let progress = Arc::new(progress);
        let parts = Parts {
            setup: &setup,
            progress: &progress,
            pulse: scene.leader.pulse().clone(),
        };
        let plan = Plan {
            gather: Duration::from_micros(u64::from(setup.gather_us)),
            deflate: setup.deflate,
            numbering: Some(setup.subscriber_numbering()),
            ..scene::plan("subscriber", setup.targets.clone(), conns, &setup.form)
        };
        let subscribers = scene.crew_of(plan, subscribing, &[&publishing], |place| {
            Members::new(match is_apart {
                true => Role::Subscribe(parts.subscribers(place)),
                false => Role::Both(parts.publishers(place), parts.subscribers(place)),
            })
        })?;
        let to = setup.publish_targets.clone();
        let plan = Plan {
            first_source: conns,
            numbering: Some(setup.publisher_numbering()),
            ..scene::plan("publisher", to, schedule.conns(), &setup.form)
        };
        let publishers = is_apart.then(|| {
            scene.crew_of(plan, publishing, &[], |place| {
                Members::new(Role::Publish(parts.publishers(place), parts.copies(place)))
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

    /// Opens all connections, those of the publishers last, and reads the server's memory.
    fn open(&mut self) -> Result<Waited, RunError> {
        let scene = &mut self.scene;
        let schedule = self.setup.schedule;
        let before = scene.pss()?;
        let (start, mut resting_s, mut readings) = (now_ns(), 0.0, Vec::new());
        let mut waited = Waited::Done;
        let control = Arc::clone(&self.subscribers.control);
        let marks = self.setup.marks.iter().copied();
        for mark in marks.chain([schedule.subscribers]) {
            if waited == Waited::Done {
                waited = scene.open(&control, u64::from(mark), "subscribers")?;
                let rest = now_ns();
                readings.push((mark, scene.pss()?));
                if mark < schedule.subscribers {
                    resting_s += seconds(rest, now_ns());
                }
            }
        }
        let connected = readings.last().map(|(_, pss)| *pss).filter(|pss| *pss > 0);
        scene.leader.mark("connected", connected);
        let mut opening = Opening::new(schedule.subscribers, &control, start);
        opening.open_s -= resting_s;
        opening.opened_per_s = ratio(opening.live as f64, opening.open_s);
        scene.base.opening = opening;
        let memory = scene
            .pid()
            .map(|_| Memory::new(schedule.topics, before, &readings));
        self.figures.server_memory = memory.flatten();
        if let Some(publishers) = &self.publishers
            && waited == Waited::Done
        {
            waited = scene.open(&publishers.control, schedule.conns() as u64, "publishers")?;
        }
        Ok(waited)
    }

    fn warm_up(&mut self) -> Result<Waited, RunError> {
        self.progress.warm_up.store(true, Ordering::Release);
        let (crew, wanted) = (self.publishing(), self.setup.schedule.subscribers);
        crew.ring_all();
        let warmed = || load(&self.progress.warmed);
        let lost = self.scene.lost();
        self.scene
            .leader
            .wait_for("warm-up", u64::from(wanted), warmed, lost)
    }

    fn publishing(&self) -> Arc<Control> {
        Arc::clone(
            &self
                .publishers
                .as_ref()
                .unwrap_or(&self.subscribers)
                .control,
        )
    }

    fn load(&mut self) -> Result<(Waited, Phase), RunError> {
        let (crew, progress, lost) = (self.publishing(), &self.progress, self.scene.lost());
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
    fn finish(self, waited: Waited, spent: Phase) -> Result<Figures, RunError> {
        let Self {
            mut scene,
            mut figures,
            ..
        } = self;
        scene.base.opening.ended_early = scene.ended();
        let publishers = self.publishers.map(Crew::stop).transpose()?;
        let mut threads = publishers.unwrap_or_default();
        threads.extend(self.subscribers.stop()?);
        let schedule = self.setup.schedule;
        let mut sum = Sum::new(schedule.conns(), schedule.publishers as usize);
        for done in &threads {
            scene.base.opening.add_failures(&done.failures);
            sum.note_sent(&done.app);
        }
        for done in threads {
            sum.add(done, &mut figures);
        }
        let (received, lost) = (sum.received, figures.deliveries.lost);
        sum.tell(&schedule, &mut figures);
        let deliveries = &mut figures.deliveries;
        // A publisher that waits sends no more once a message is lost.
        deliveries.expected = schedule.deliveries();
        deliveries.got = deliveries.got.saturating_sub(lost);
        figures.message_phase_s = spent.wall_s;
        figures.deliveries_per_s = ratio(deliveries.got as f64, spent.wall_s);
        let sends = received + deliveries.copies_to_publishers;
        figures.server = scene.server_cost(&spent, sends);
        scene.base.passed =
            waited == Waited::Done && deliveries.is_clean() && scene.base.opening.ended_early == 0;
        figures.base = scene.finish(spent.client, figures.lateness.as_ref());
        Ok(figures)
    }
}
