//! Those that make the load of a run: crews of this process, or agents.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::agents::wire::{Counts, CrewCounts};
use crate::agents::work::{Follow, Stopped, Work};
use crate::agents::{Agents, Sum};
use crate::client::control::{Control, load};
use crate::client::crew::{self, Crew};
use crate::client::{Done, Place, Plan};
use crate::clock::{now_ns, seconds};
use crate::commands::broadcast::Run;
use crate::commands::broadcast::setup::Setup;
use crate::flags::ClientArgs;
use crate::pubsub::progress::Progress;
use crate::pubsub::{Inbox, Members, Publishers, Subscribers, heard};
use crate::report::ClientCost;
use crate::run::leader::RunError;
use crate::run::{Scene, plan};

/// Where the load is made.
pub(super) enum Side {
    Here(Crews),
    Far(Agents),
}

/// The crews of this process.
pub(super) struct Crews {
    subscribers: Crew<Members>,
    /// None where subscribers publish.
    publishers: Option<Crew<Members>>,
}

/// The controls of both crews, which are one where subscribers publish.
pub(super) struct Controls {
    pub(super) subscribers: Arc<Control>,
    pub(super) publishers: Arc<Control>,
}

impl Controls {
    /// For crews of this process, or for agents, which have threads of their own.
    pub(super) fn new(setup: &Setup, scene: &Scene<'_>) -> Result<Self, RunError> {
        let client = scene.client();
        let is_apart = !setup.publish_targets.is_empty();
        let publishers = setup.schedule.conns();
        let threads = match (&client.agents.task, &client.agents.agents[..]) {
            (Some(task), _) => [scene.threads(setup.conns())?, task.threads_for(publishers)],
            (None, []) => [
                scene.threads(setup.conns())?,
                crew::threads_for(publishers, 1)?,
            ],
            (None, _) => [0, 0],
        };
        let subscribers = Arc::new(Control::new(threads[0])?);
        let publishers = match is_apart {
            // Threads of their own, so that reading never holds up the schedule.
            true => Arc::new(Control::new(threads[1])?),
            false => Arc::clone(&subscribers),
        };
        Ok(Self {
            subscribers,
            publishers,
        })
    }
}

impl Side {
    pub(super) fn start(
        setup: &Setup,
        scene: &mut Scene<'_>,
        controls: &Controls,
        progress: &Arc<Progress>,
    ) -> Result<Self, RunError> {
        let client = scene.client();
        if client.agents.agents.is_empty() {
            return Crews::start(setup, scene, controls, progress).map(Self::Here);
        }
        let Controls {
            subscribers,
            publishers,
        } = controls;
        let agents = Agents::start(
            client,
            (setup.run, &setup.topic),
            [setup.conns(), setup.schedule.conns()],
            (subscribers, publishers),
            progress,
            &scene.leader.sender,
        )?;
        scene.add(subscribers);
        if !Arc::ptr_eq(subscribers, publishers) {
            scene.add(publishers);
        }
        Ok(Self::Far(agents))
    }

    /// How long before the first message all must know when it is due.
    pub(super) fn lead(&self) -> Duration {
        match self {
            Self::Here(_) => Duration::ZERO,
            Self::Far(_) => Duration::from_millis(300),
        }
    }

    /// Ends the load and adds up what was found.
    pub(super) fn stop(self, setup: &Setup) -> Result<Sum, RunError> {
        match self {
            Self::Far(agents) => Ok(agents.finish()),
            Self::Here(crews) => Ok(Sum {
                heard: heard(
                    crews.stop()?,
                    vec![0; setup.schedule.conns()],
                    setup.schedule.publishers as usize,
                ),
                client: ClientCost::default(),
                agents: Vec::new(),
            }),
        }
    }
}

impl Crews {
    fn start(
        setup: &Setup,
        scene: &mut Scene<'_>,
        controls: &Controls,
        progress: &Arc<Progress>,
    ) -> Result<Self, RunError> {
        let (schedule, form, conns) = (setup.schedule, &setup.form, setup.conns());
        let is_apart = !setup.publish_targets.is_empty();
        let publishers = |place: Place| {
            let progress = Arc::clone(progress);
            let publishers = Publishers::new(place, schedule, form.clone(), progress);
            Some(Box::new(publishers))
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
        let control = Arc::clone(&controls.subscribers);
        let subscribers = scene.crew_of(subscriber, control, &[&controls.publishers], |place| {
            let inbox = inbox(place, conns, numbering);
            let subscribers = Subscribers::new(place, inbox, schedule.topics, Arc::clone(progress));
            Members {
                subscribers: Some(Box::new(subscribers)),
                publishers: if is_apart { None } else { publishers(place) },
                ..Members::default()
            }
        })?;
        let targets = setup.publish_targets.clone();
        let publisher = Plan {
            first_source: conns,
            resets: setup.resets,
            numbering: Some(publisher_numbering),
            ..plan("publisher", targets, schedule.conns(), form)
        };
        let publishers = is_apart.then(|| {
            scene.crew_of(publisher, Arc::clone(&controls.publishers), &[], |place| {
                Members {
                    publishers: publishers(place),
                    copies: Some(inbox(place, schedule.conns(), publisher_numbering)),
                    ..Members::default()
                }
            })
        });
        Ok(Self {
            publishers: publishers.transpose()?,
            subscribers,
        })
    }

    /// Ends the threads, those of the publishers first.
    fn stop(self) -> Result<Vec<Done<Members>>, RunError> {
        let publishers = self.publishers.map(Crew::stop).transpose()?;
        let mut threads = publishers.unwrap_or_default();
        threads.extend(self.subscribers.stop()?);
        Ok(threads)
    }
}

/// Makes the part of an agent.
pub(crate) fn part(
    setup: Setup,
    client: &ClientArgs,
    follow: Follow<'_>,
) -> Result<Stopped, RunError> {
    let scene = Scene::new(client, &setup.targets);
    let run = Run::start(setup, scene)?;
    let followed = follow(&run);
    let (begun_ns, before) = run.begun.take().unwrap_or_default();
    let used = run.scene.cpu_ns().into_iter().zip(before);
    let used: Vec<u64> = used.map(|(now, then)| now.saturating_sub(then)).collect();
    let client = ClientCost::new(&used, seconds(begun_ns, now_ns()));
    let Side::Here(crews) = run.side else {
        return Err(RunError::Failed("an agent has no agents".to_owned()));
    };
    let threads = crews.stop()?;
    followed.map_err(RunError::Failed)?;
    Ok(Stopped {
        threads,
        publishers: run.setup.schedule.publishers as usize,
        all_publishers: run.setup.schedule.conns(),
        client,
    })
}

impl Work for Run<'_> {
    fn open(&self, subscribers: u64, publishers: u64) {
        let controls = &self.controls;
        controls.subscribers.open(subscribers);
        if !Arc::ptr_eq(&controls.subscribers, &controls.publishers) {
            controls.publishers.open(publishers);
        }
    }

    fn warm_up(&self) {
        self.progress.warm_up.store(true, Ordering::Release);
        self.controls.publishers.ring_all();
    }

    fn begin(&self, at_ns: u64) {
        self.begun.set(Some((at_ns, self.scene.cpu_ns())));
        self.progress.timeline.start(at_ns);
        self.controls.publishers.ring_all();
    }

    fn counts(&self) -> Counts {
        Counts {
            subscribers: CrewCounts::of(&self.controls.subscribers),
            publishers: CrewCounts::of(&self.controls.publishers),
            warmed: load(&self.progress.warmed),
            delivered: load(&self.progress.delivered),
        }
    }

    fn trouble(&self) -> Option<String> {
        self.scene.leader.trouble()
    }
}
