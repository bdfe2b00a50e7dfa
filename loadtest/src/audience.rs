//! A crew of listeners with the one publisher of their topic.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::app::Plan;
use crate::broadcast::{self, Members};
use crate::clock::now_ns;
use crate::control::{Control, load};
use crate::crew::Crew;
use crate::leader::{Leader, RunError, Waited};
use crate::listeners::{self, Hall, Heard, Listeners};
use crate::message::Form;
use crate::record::Recorder;
use crate::report::Opening;
use crate::scene;
use crate::series::Meter;
use crate::timeline::Timeline;
use crate::url::Target;

#[derive(Debug)]
pub(crate) struct Audience {
    pub(crate) crew: Crew<Listeners>,
    pub(crate) hall: Arc<Hall>,
}

#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) crew: Crew<Members>,
    pub(crate) schedule: Arc<Timeline>,
}

impl Publisher {
    /// Starts one, which does not connect yet.
    pub(crate) fn start(
        target: Target,
        form: &Form,
        rate: Option<f64>,
        first_source: usize,
        leader: &Leader,
    ) -> Result<Self, RunError> {
        let plan = Plan {
            first_source,
            ..scene::plan("publisher", vec![target], 1, form)
        };
        // Without an end, or none until it is told.
        let allowed = rate.map_or(0, |_| u32::MAX);
        let schedule = Arc::new(Timeline::new(rate, allowed));
        let crew = broadcast::publisher(plan, form, &schedule, leader)?;
        Ok(Self { crew, schedule })
    }

    pub(crate) fn open(&self, leader: &mut Leader) -> Result<Waited, RunError> {
        self.crew.control.open(1);
        leader.wait_live(&self.crew.control, 1, "publishers")
    }

    pub(crate) fn begin(&self) {
        self.schedule.start(now_ns());
        self.crew.control.ring_all();
    }

    /// Lets one message go out; returns how many that are.
    pub(crate) fn send_one(&self) -> u32 {
        let allowed = self.schedule.allow_one(now_ns());
        self.crew.control.ring_all();
        allowed
    }

    /// Ends the schedule and waits until all that was due has gone out; returns how many that are.
    pub(crate) fn end(&self, leader: &mut Leader) -> Result<u32, RunError> {
        self.schedule.stop_at(1);
        self.crew.control.ring_all();
        let has_stopped = || u64::from(self.schedule.has_stopped());
        leader.wait_for("publisher", 1, has_stopped, || self.has_ended())?;
        Ok(self.schedule.sent())
    }

    /// Whether the server has ended its connection.
    pub(crate) fn has_ended(&self) -> bool {
        self.crew.control.has_ended()
    }

    /// Ends its thread; how late its messages were. What failed goes to the `opening`.
    pub(crate) fn stop(self, opening: &mut Opening) -> Result<Recorder, RunError> {
        let mut lateness = Recorder::new();
        for done in self.crew.stop()? {
            done.app
                .lateness()
                .into_iter()
                .for_each(|part| lateness.merge(part));
            opening.add_failures(&done.failures);
        }
        Ok(lateness)
    }
}

impl Audience {
    /// Starts listeners, which do not connect yet.
    pub(crate) fn start(
        plan: Plan,
        threads: usize,
        form: &Form,
        schedule: &Arc<Timeline>,
        hall: Hall,
        leader: &Leader,
    ) -> Result<Self, RunError> {
        let hall = Arc::new(hall);
        let conns = plan.conns;
        let crew = scene::crew(plan, threads, leader, |place| {
            let shared = (Arc::clone(schedule), Arc::clone(&hall));
            let meter = if hall.is_in_series {
                leader.pulse().meter()
            } else {
                Meter::apart()
            };
            Listeners::new(conns, place, form.clone(), shared, meter)
        })?;
        Ok(Self { crew, hall })
    }

    /// Waits until all `conns` have had all of so many messages.
    pub(crate) fn hear_all(
        &self,
        conns: u64,
        messages: u32,
        leader: &mut Leader,
    ) -> Result<Waited, RunError> {
        self.hall.messages.store(messages, Ordering::Release);
        self.crew.control.ring_all();
        let complete = || load(&self.hall.complete);
        leader.wait_for("listeners with all", conns, complete, || self.ended() > 0)
    }

    /// Connections that the server has ended.
    pub(crate) fn ended(&self) -> u64 {
        load(&self.crew.control.ended)
    }

    /// Connections that were left with a close frame which the server did not answer with one.
    pub(crate) fn unanswered(&self) -> u64 {
        load(&self.crew.control.unanswered)
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.crew.control
    }

    /// Ends the threads and puts what they heard together.
    pub(crate) fn stop(self, sent: u32) -> Result<Heard, RunError> {
        Ok(listeners::heard(self.crew.stop()?, sent))
    }
}
