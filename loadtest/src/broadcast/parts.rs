//! What the application of each thread is made of.

use std::sync::Arc;

use crate::app::{Numbering, Place, Plan};
use crate::broadcast::members::{Members, Role};
use crate::broadcast::progress::Progress;
use crate::broadcast::publishers::Publishers;
use crate::broadcast::schedule::{Pace, Schedule};
use crate::broadcast::setup::Setup;
use crate::broadcast::subscribers::{Inbox, Subscribers};
use crate::control::Control;
use crate::crew::Crew;
use crate::leader::{Leader, RunError};
use crate::message::Form;
use crate::series::Pulse;
use crate::timeline::Timeline;

/// Starts one publisher of one topic, which follows a timeline.
pub(crate) fn publisher(
    plan: Plan,
    form: &Form,
    timeline: &Arc<Timeline>,
    leader: &Leader,
) -> Result<Crew<Members>, RunError> {
    let schedule = Schedule {
        topics: 1,
        publishers: 1,
        messages: u32::MAX,
        subscribers: 0,
        pace: Pace::Told,
        seed: None,
    };
    let one = Numbering {
        in_a_row: 1,
        topics: 1,
    };
    let control = Arc::new(Control::new(1)?);
    let (ring, done) = (Arc::clone(&control), leader.sender.clone());
    let progress = Progress::new(Arc::clone(timeline), u64::MAX, 0, ring, done);
    let progress = Arc::new(progress);
    let crew = Crew::start(plan, control, &[], &leader.sender, |place| {
        let publishers = Publishers::new(place, schedule, form.clone(), Arc::clone(&progress));
        let copies = Inbox::new(place, 1, one, 1, form.clone());
        Members::new(Role::Publish(Box::new(publishers), copies))
    })?;
    Ok(crew)
}

/// What the application of each thread is made of.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) setup: &'a Setup<'a>,
    pub(super) progress: &'a Arc<Progress>,
    pub(super) pulse: Pulse,
}

impl Parts<'_> {
    pub(super) fn publishers(&self, place: Place) -> Box<Publishers> {
        let (form, progress) = (self.setup.form.clone(), Arc::clone(self.progress));
        Box::new(Publishers::new(place, self.setup.schedule, form, progress))
    }

    pub(super) fn subscribers(&self, place: Place) -> Subscribers {
        let (schedule, progress) = (&self.setup.schedule, Arc::clone(self.progress));
        let conns = schedule.subscribers as usize;
        let inbox = self.inbox(place, conns, self.setup.subscriber_numbering());
        Subscribers::new(inbox, schedule.topics, progress, self.pulse.meter())
    }

    pub(super) fn copies(&self, place: Place) -> Inbox {
        let conns = self.setup.schedule.conns();
        self.inbox(place, conns, self.setup.publisher_numbering())
    }

    fn inbox(&self, place: Place, conns: usize, numbering: Numbering) -> Inbox {
        let publishers = self.setup.schedule.publishers;
        Inbox::new(place, conns, numbering, publishers, self.setup.form.clone())
    }
}
