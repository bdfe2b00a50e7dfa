//! A crew of subscribers of one topic, and the one publisher of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::check::message::Form;
use crate::check::timeline::Timeline;
use crate::client::control::{Control, load};
use crate::client::crew::Crew;
use crate::client::{Done, Numbering, Plan};
use crate::clock::now_ns;
use crate::pubsub::members::Members;
use crate::pubsub::positions::{LINE_BYTES_MAX, SUBPROTOCOL};
use crate::pubsub::progress::Progress;
use crate::pubsub::schedule::{Pace, Schedule};
use crate::pubsub::{Heard, Inbox, Publishers, Subscribers, heard};
use crate::report::Opening;
use crate::run::leader::{Leader, RunError, Waited};
use crate::run::record::Recorder;
use crate::run::series::Pulse;
use crate::run::{Scene, plan};
use crate::url::Target;

pub(crate) struct Audience {
    crew: Crew<Members>,
    pub(crate) progress: Arc<Progress>,
}

pub(crate) struct Publisher {
    crew: Crew<Members>,
    pub(crate) timeline: Arc<Timeline>,
}

const ONE_TOPIC: Numbering = Numbering {
    in_a_row: 1,
    topics: 1,
};

impl Publisher {
    /// Starts one, which does not connect yet: at a rate without an end, or for as many messages as
    /// it is told.
    pub(crate) fn start(
        scene: &mut Scene<'_>,
        target: Target,
        form: &Form,
        rate: Option<f64>,
        first_source: usize,
    ) -> Result<Self, RunError> {
        let schedule = Schedule {
            topics: 1,
            publishers: 1,
            messages: u32::MAX,
            subscribers: 0,
            pace: Pace::Told,
            seed: None,
        };
        let allowed = rate.map_or(0, |_| u32::MAX);
        let timeline = Arc::new(Timeline::new(rate, allowed));
        let pulse = scene.leader.pulse().clone();
        let progress = Arc::new(Progress::new(Arc::clone(&timeline), pulse));
        let plan = Plan {
            first_source,
            ..plan("publisher", vec![target], 1, form)
        };
        let crew = scene.crew(plan, |place| {
            let progress = Arc::clone(&progress);
            let publishers = Publishers::new(place, schedule, form.clone(), progress);
            Members {
                publishers: Some(Box::new(publishers)),
                copies: Some(Inbox::new(place, 1, ONE_TOPIC, 1, form.clone())),
                ..Members::default()
            }
        })?;
        Ok(Self { crew, timeline })
    }

    /// What subscribers of its topic share.
    pub(crate) fn progress(&self, pulse: &Pulse) -> Progress {
        Progress::new(Arc::clone(&self.timeline), pulse.clone())
    }

    pub(crate) fn open(&self, leader: &mut Leader) -> Result<Waited, RunError> {
        self.crew.control.open(1);
        leader.wait_live(&self.crew.control, 1, "publishers")
    }

    pub(crate) fn begin(&self) {
        self.timeline.start(now_ns());
        self.crew.control.ring_all();
    }

    /// Lets one message go out; returns how many that are.
    pub(crate) fn send_one(&self) -> u32 {
        self.send(1)
    }

    /// Lets so many messages go out; returns how many that are in all.
    pub(crate) fn send(&self, messages: u32) -> u32 {
        let allowed = self.timeline.allow(messages, now_ns());
        self.crew.control.ring_all();
        allowed
    }

    /// Ends the schedule and waits until all that was due has gone out; returns how many that are.
    pub(crate) fn end(&self, leader: &mut Leader) -> Result<u32, RunError> {
        self.timeline.stop_at(1);
        self.crew.control.ring_all();
        let has_stopped = || u64::from(self.timeline.has_stopped());
        leader.wait_for("publisher", 1, has_stopped, || self.has_ended())?;
        Ok(self.timeline.sent())
    }

    /// Whether the server has ended its connection.
    pub(crate) fn has_ended(&self) -> bool {
        self.crew.control.has_ended()
    }

    /// Ends its thread; how late its messages were. What failed goes to the `opening`.
    pub(crate) fn stop(self, opening: &mut Opening) -> Result<Recorder, RunError> {
        let found = heard(self.crew.stop()?, vec![0], 1);
        opening.add_failures(&found.failures);
        Ok(found.lateness)
    }
}

impl Audience {
    /// Starts subscribers, which do not connect yet.
    pub(crate) fn start(
        scene: &mut Scene<'_>,
        mut plan: Plan,
        form: &Form,
        progress: Progress,
    ) -> Result<Self, RunError> {
        let (progress, conns) = (Arc::new(progress), plan.conns);
        if progress.resumes {
            plan.subprotocol = Some(SUBPROTOCOL);
            plan.payload_max += LINE_BYTES_MAX;
        }
        let crew = scene.crew(plan, |place| {
            let inbox = Inbox::new(place, conns, ONE_TOPIC, 1, form.clone());
            let subscribers = Subscribers::new(place, inbox, 0, Arc::clone(&progress));
            Members {
                subscribers: Some(Box::new(subscribers)),
                ..Members::default()
            }
        })?;
        Ok(Self { crew, progress })
    }

    /// The same on a topic that nothing is published to.
    pub(crate) fn silent(scene: &mut Scene<'_>, plan: Plan, form: &Form) -> Result<Self, RunError> {
        let timeline = Arc::new(Timeline::new(None, 0));
        Self::start(scene, plan, form, Progress::new(timeline, Pulse::apart()))
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.crew.control
    }

    pub(crate) fn delivered(&self) -> u64 {
        load(&self.progress.delivered)
    }

    /// Connections that the server has ended.
    pub(crate) fn ended(&self) -> u64 {
        load(&self.control().ended)
    }

    /// Close frames that the server did not answer with one.
    pub(crate) fn unanswered(&self) -> u64 {
        load(&self.control().unanswered)
    }

    /// A number for the series: the messages that have come.
    pub(crate) fn deliveries(&self) -> impl Fn() -> u64 + 'static {
        let progress = Arc::clone(&self.progress);
        move || load(&progress.delivered)
    }

    /// Gaps of which those that resume were told.
    pub(crate) fn gaps(&self) -> u64 {
        load(&self.progress.gaps)
    }

    /// Waits until all `conns` have had so many messages, but for those that lie in gaps of which
    /// they were told.
    pub(crate) fn hear(
        &self,
        messages: u32,
        conns: u64,
        leader: &mut Leader,
    ) -> Result<Waited, RunError> {
        self.hear_while(messages, conns, leader, || {})
    }

    /// The same, and calls `look` again and again meanwhile.
    pub(crate) fn hear_while(
        &self,
        messages: u32,
        conns: u64,
        leader: &mut Leader,
        look: impl Fn(),
    ) -> Result<Waited, RunError> {
        let reached = || {
            look();
            self.delivered() + load(&self.progress.excused)
        };
        let all = u64::from(messages) * conns;
        leader.wait_for("reached", all, reached, || self.ended() > 0)
    }

    /// Waits until all `conns` have had all of so many messages.
    pub(crate) fn hear_all(
        &self,
        conns: u64,
        messages: u32,
        leader: &mut Leader,
    ) -> Result<Waited, RunError> {
        self.progress.messages.store(messages, Ordering::Release);
        self.control().ring_all();
        let complete = || load(&self.progress.complete);
        leader.wait_for("listeners with all", conns, complete, || self.ended() > 0)
    }

    /// Ends the threads and adds up what they found, knowing how many messages there were. What
    /// failed goes to the `opening`.
    pub(crate) fn stop(self, sent: u32, opening: &mut Opening) -> Result<Heard, RunError> {
        let found = heard(self.crew.stop()?, vec![sent], 1);
        opening.add_failures(&found.failures);
        Ok(found)
    }

    /// Ends the threads and hands out what is left of them.
    pub(crate) fn end(self) -> Result<Vec<Done<Members>>, RunError> {
        Ok(self.crew.stop()?)
    }
}
