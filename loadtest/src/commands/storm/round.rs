//! One round of a storm: all leave, miss some messages, and come back.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::client::control::load;
use crate::clock::{now_ns, seconds};
use crate::commands::storm::Storm;
use crate::commands::storm::figures::{Recovery, Round};
use crate::host::procfs;
use crate::report::{Opening, ratio};
use crate::run::leader::{RunError, Waited};

/// What was sent is published within this time.
const SETTLE: Duration = Duration::from_millis(200);

impl Storm<'_> {
    /// All leave, come back, and get a message.
    pub(super) fn round(&mut self) -> Result<Waited, RunError> {
        let conns = u64::from(self.args.connections);
        let control = Arc::clone(self.leavers.control());
        let leader = &mut self.scene.leader;
        leader.mark("all leave", None);
        let start = now_ns();
        self.steady.progress.begin_phase(start);
        let left = load(&control.left) + conns;
        control.live.store(0, Ordering::Release);
        let leavings = &self.leavers.progress.churn.leavings;
        leavings.fetch_add(1, Ordering::AcqRel);
        control.ring_all();
        let is_lost = || control.has_ended();
        let mut waited = leader.wait_for("left", left, || load(&control.left), is_lost)?;
        let mut round = Round {
            leave_s: seconds(start, now_ns()),
            ..Round::default()
        };
        waited = waited.then(|| self.publish_missed())?;
        let retries = load(&control.retries);
        waited = waited.then(|| self.come_back(&mut round))?;
        round.retries = load(&control.retries) - retries;
        self.figures.rounds.push(round);
        if waited == Waited::Done {
            self.caller.send_one();
            let leader = &mut self.scene.leader;
            waited = self
                .leavers
                .hear(self.caller.timeline.allowed(), conns, leader)?;
        }
        self.rest()?;
        Ok(waited)
    }

    /// Publishes what those that are away miss.
    fn publish_missed(&mut self) -> Result<Waited, RunError> {
        let leader = &mut self.scene.leader;
        let wanted = u64::from(self.caller.send(self.args.missed));
        let sent = || u64::from(self.caller.timeline.sent());
        let waited = leader.wait_for("missed", wanted, sent, || self.caller.has_ended())?;
        // The server has them when the publisher has sent them, or soon after.
        leader.pause(SETTLE)?;
        Ok(waited)
    }

    fn come_back(&mut self, round: &mut Round) -> Result<Waited, RunError> {
        let (conns, pid) = (self.args.connections, self.scene.pid());
        let scene = &mut self.scene;
        let (control, churn) = (self.leavers.control(), &self.leavers.progress.churn);
        let (leavers, messages) = (&self.leavers, self.caller.timeline.allowed());
        let memory = || pid.and_then(|pid| procfs::rss_bytes(pid).ok());
        let (before, most) = (memory(), Cell::new(0));
        let (is_recovering, gaps) = (self.args.resume, leavers.gaps());
        let mut back_at = 0;
        let begin = |now| {
            back_at = now;
            churn.returns.fetch_add(1, Ordering::AcqRel);
            control.ring_all();
        };
        let (waited, spent) = scene.measure_amid(begin, |leader| {
            let waited = leader.wait_live(control, u64::from(conns), "live again")?;
            if !is_recovering {
                return Ok(waited);
            }
            waited.then(|| {
                let look = || most.set(most.get().max(memory().unwrap_or(0)));
                leavers.hear_while(messages, u64::from(conns), leader, look)
            })
        })?;
        self.steady.progress.end_phase(now_ns());
        scene.leader.mark("all live again", None);
        let opening = Opening::new(conns, control, back_at);
        round.live_again = opening.live;
        (round.all_live_s, round.opened_per_s) = (opening.open_s, opening.opened_per_s);
        let cpu_us = ratio(spent.server.cpu_s() * 1e6, f64::from(conns));
        round.server_cpu_us_per_connection = scene.pid().map(|_| cpu_us);
        if is_recovering {
            let missed = f64::from(conns) * f64::from(self.args.missed);
            let cpu_us = ratio(spent.server.cpu_s() * 1e6, missed);
            round.recovery = Some(Recovery {
                caught_up_s: spent.wall_s,
                messages_per_s: ratio(missed, spent.wall_s),
                gaps_told: leavers.gaps() - gaps,
                server_cpu_us_per_message: pid.map(|_| cpu_us),
                server_rss_over_start_bytes: before.map(|bytes| most.get().saturating_sub(bytes)),
            });
        }
        scene.base.client = spent.client;
        Ok(waited)
    }
}
