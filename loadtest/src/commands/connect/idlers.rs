//! Connections that are held: those of this process, or of agents.

use std::sync::Arc;

use crate::agents::wire::{Counts, CrewCounts};
use crate::agents::work::{Follow, Stopped, Work};
use crate::agents::{Agents, Sum};
use crate::check::message::Form;
use crate::check::timeline::Timeline;
use crate::client::Plan;
use crate::client::control::Control;
use crate::clock::{now_ns, seconds};
use crate::pubsub::Audience;
use crate::pubsub::progress::Progress;
use crate::report::{ClientCost, Opening};
use crate::run::Scene;
use crate::run::leader::RunError;

pub(super) enum Idlers {
    Here(Box<Audience>),
    Far(Arc<Control>, Agents),
}

/// Those of an agent.
struct Holding<'a> {
    scene: Scene<'a>,
    audience: Audience,
}

impl Idlers {
    /// Starts them, without connecting yet.
    pub(super) fn start(
        scene: &mut Scene<'_>,
        plan: Plan,
        form: &Form,
        (run, topic): (u32, &str),
    ) -> Result<Self, RunError> {
        let client = scene.client();
        if client.agents.agents.is_empty() {
            let audience = Audience::silent(scene, plan, form)?;
            return Ok(Self::Here(Box::new(audience)));
        }
        let [control, unused] = [Control::new(0)?, Control::new(0)?].map(Arc::new);
        let pulse = scene.leader.pulse().clone();
        let progress = Progress::new(Arc::new(Timeline::new(None, 0)), pulse);
        let agents = Agents::start(
            client,
            (run, topic),
            [plan.conns, 0],
            (&control, &unused),
            &Arc::new(progress),
            &scene.leader.sender,
        )?;
        scene.add(&control);
        Ok(Self::Far(control, agents))
    }

    pub(super) fn control(&self) -> &Arc<Control> {
        match self {
            Self::Here(audience) => audience.control(),
            Self::Far(control, _) => control,
        }
    }

    /// Ends them; what failed goes to the `opening`.
    pub(super) fn stop(self, opening: &mut Opening) -> Result<Sum, RunError> {
        match self {
            Self::Here(audience) => Ok(Sum {
                heard: audience.stop(0, opening)?,
                client: ClientCost::default(),
                agents: Vec::new(),
            }),
            Self::Far(_, agents) => {
                let sum = agents.finish();
                opening.add_failures(&sum.heard.failures);
                Ok(sum)
            }
        }
    }
}

/// Makes the part of an agent.
pub(super) fn part(
    mut scene: Scene<'_>,
    plan: Plan,
    form: &Form,
    follow: Follow<'_>,
) -> Result<Stopped, RunError> {
    let audience = Audience::silent(&mut scene, plan, form)?;
    let (begun_ns, before) = (now_ns(), scene.cpu_ns());
    let holding = Holding { scene, audience };
    let followed = follow(&holding);
    let used = holding.scene.cpu_ns().into_iter().zip(before);
    let used: Vec<u64> = used.map(|(now, then)| now.saturating_sub(then)).collect();
    let threads = holding.audience.end()?;
    followed.map_err(RunError::Failed)?;
    Ok(Stopped {
        threads,
        publishers: 1,
        all_publishers: 1,
        client: ClientCost::new(&used, seconds(begun_ns, now_ns())),
    })
}

impl Work for Holding<'_> {
    fn open(&self, subscribers: u64, _publishers: u64) {
        self.audience.control().open(subscribers);
    }

    fn warm_up(&self) {}

    fn begin(&self, _at_ns: u64) {}

    fn counts(&self) -> Counts {
        Counts {
            subscribers: CrewCounts::of(self.audience.control()),
            ..Counts::default()
        }
    }

    fn trouble(&self) -> Option<String> {
        self.scene.leader.trouble()
    }
}
