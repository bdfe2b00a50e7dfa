//! A shard's mail: from the lanes into the core, and from the core into the lanes.

use crate::handler::Handler;
use crate::limits::MAIL_PER_LANE_AND_TURN;
use crate::mesh::backplane::BackplanePort;
use crate::mesh::{Doorbell, LaneSender, Port, Refused, Wake};
use crate::shard::core::ShardCore;
use crate::shard::mail::{FromHome, Inward, Outgoing, Outward, Space, ToHome, Weigh};
use crate::sys::eventfd::EventFd;

/// A shard's side of the mesh, and the mail that the core gave back. Needs no thread: `W` ends the
/// poll of a thread, or tells a simulation that a poll would end.
#[derive(Debug)]
pub(crate) struct Lanes<W = EventFd> {
    port: Port<ToHome, FromHome, W>,
    /// Messages that a turn takes off each lane at most.
    per_lane: usize,
    /// By peer: taken off the lane, but the core has no space for it yet.
    asked: Vec<Option<ToHome>>,
    told: Vec<Option<FromHome>>,
    outside: Option<ToHome>,
    /// The ways to a backplane, if there is one, and what it has sent.
    backplane: Option<BackplanePort<Inward, Outward>>,
    inward: Option<Inward>,
    /// A lane may hold more than the last turn took.
    left_over: bool,
    /// Something was put to a home in the last turn: what it makes of that may come back at once.
    awaits: bool,
    /// Whether the doorbell was rung before this turn.
    rung: bool,
    /// Which peer's lanes come first; behind the last, the one from outside.
    first: usize,
}

impl<W: Wake> Lanes<W> {
    /// The mail of the shard at `port`.
    pub(crate) fn new(port: Port<ToHome, FromHome, W>) -> Self {
        let peers = port.peers().len();
        Self {
            port,
            per_lane: MAIL_PER_LANE_AND_TURN,
            asked: (0..peers).map(|_| None).collect(),
            told: (0..peers).map(|_| None).collect(),
            outside: None,
            backplane: None,
            inward: None,
            left_over: true,
            awaits: false,
            rung: false,
            first: 0,
        }
    }

    /// Has mail of a backplane taken, and sent to it.
    pub(crate) fn with_backplane(self, port: Option<BackplanePort<Inward, Outward>>) -> Self {
        let backplane = port;
        Self { backplane, ..self }
    }

    /// Has a turn take fewer messages off each lane than `limits` say.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn limit(&mut self, per_lane: usize) {
        self.per_lane = per_lane;
    }

    /// Whether the core has been given all mail that was sent to the shard.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn are_empty(&self) -> bool {
        let asked = self.asked.iter().chain([&self.outside]);
        let is_held =
            asked.flatten().next().is_some() || self.told.iter().flatten().next().is_some();
        let mut peers = self.port.peers().iter();
        !is_held
            && peers.all(|peer| peer.asked.is_empty() && peer.told.is_empty())
            && !self.port.outside().has_any()
            && self.inward.is_none()
            && !self
                .backplane
                .as_ref()
                .is_some_and(|port| port.inward.has_any())
    }

    /// What wakes the shard.
    pub(crate) fn doorbell(&self) -> Option<&Doorbell<W>> {
        self.port.doorbell()
    }

    /// Whether there may be mail that no ring will tell of.
    pub(crate) fn has_mail(&self) -> bool {
        self.left_over
    }

    /// Messages for this shard that the last turn has left, as no ring will tell of them.
    pub(crate) fn waiting(&self) -> usize {
        let held = self.asked.iter().flatten().count() + self.told.iter().flatten().count();
        let held = held + usize::from(self.outside.is_some());
        let held = held + usize::from(self.inward.is_some());
        if !self.left_over && held == 0 {
            return 0;
        }
        let peers = self.port.peers().iter();
        held + peers
            .map(|peer| peer.asked.len() + peer.told.len())
            .sum::<usize>()
    }

    /// Whether it is worth while to look out for mail a moment longer before sleeping.
    pub(crate) fn awaits(&self) -> bool {
        self.awaits
    }

    /// Whether threads outside have put something on their lane that is not taken.
    pub(crate) fn outside_waits(&self) -> bool {
        self.outside.is_some() || self.port.outside().has_any()
    }

    /// Takes a turn's worth of mail into the core.
    pub(crate) fn take<H: Handler>(&mut self, core: &mut ShardCore<H>) {
        self.rung = self.port.doorbell().is_some_and(Doorbell::answer);
        let look = self.rung | std::mem::take(&mut self.left_over);
        let limit = self.per_lane;
        // Each turn begins with another lane: where space is scarce, all get their part of it.
        let peers = self.port.peers().len();
        let lanes = peers + 1 + usize::from(self.backplane.is_some());
        self.first = (self.first + 1) % lanes;
        for at in (self.first..lanes).chain(0..self.first) {
            if let Some(port) = self.backplane.as_ref().filter(|_| at == peers + 1) {
                let inward = || port.inward.try_recv();
                let give = |mail| core.handle_inward(mail);
                self.left_over |= pass(look, limit, &mut self.inward, inward, give);
                port.inward.relieve();
                continue;
            }
            let Some(peer) = self.port.peers().get(at) else {
                let outside = || self.port.outside().try_recv();
                let give = |mail| core.handle_to_home(mail);
                self.left_over |= pass(look, limit, &mut self.outside, outside, give);
                continue;
            };
            let told = || peer.told.try_recv();
            let give = |mail| core.handle_from_home(mail);
            self.left_over |= pass(look, limit, &mut self.told[at], told, give);
            let asked = || peer.asked.try_recv();
            let give = |mail| core.handle_to_home(mail);
            self.left_over |= pass(look, limit, &mut self.asked[at], asked, give);
        }
        self.port.relieve();
    }

    /// Puts the core's mail into the lanes and wakes the peers that got some.
    pub(crate) fn send<H: Handler>(&mut self, core: &mut ShardCore<H>) {
        let mut moved = false;
        self.awaits = false;
        let mails = core.mail();
        for peer in self.port.peers() {
            let mail = &mut mails[peer.shard.index()];
            let mut sent = false;
            moved |= put(&mut mail.to_home, &peer.to_home, self.rung, &mut sent);
            self.awaits |= sent;
            moved |= put(&mut mail.from_home, &peer.from_home, self.rung, &mut sent);
            if sent {
                self.port.ring(peer.shard);
            }
        }
        if let Some(port) = &self.backplane
            && let Some(mail) = core.outward()
        {
            let mut sent = false;
            moved |= put(mail, &port.outward, self.rung, &mut sent);
            if sent {
                port.wake();
            }
        }
        if moved {
            core.note_space();
        }
    }
}

/// Passes mail from a lane on, if there is a reason to `look` for any, until there is none, or no
/// space for it, or `limit` messages are taken: only then returns `true`.
fn pass<M>(
    look: bool,
    limit: usize,
    stuck: &mut Option<M>,
    next: impl Fn() -> Option<M>,
    mut give: impl FnMut(M) -> Option<M>,
) -> bool {
    // The ring for what is behind mail that was stuck has long been answered.
    let look = look || stuck.is_some();
    let next = || if look { next() } else { None };
    for _ in 0..limit {
        let Some(mail) = stuck.take().or_else(next) else {
            return false;
        };
        *stuck = give(mail);
        if stuck.is_some() {
            return false;
        }
    }
    true
}

/// Empties an outgoing box into its lane. Returns whether a sender that had found no space can go
/// on now: because this turn's ring told so, or because no ring will.
fn put<M: Weigh>(
    outgoing: &mut Outgoing<M>,
    lane: &LaneSender<M>,
    rung: bool,
    sent: &mut bool,
) -> bool {
    let may_be_relieved = rung && outgoing.awaits_ring();
    if !outgoing.is_touched() && !may_be_relieved {
        return false;
    }
    while let Some(mail) = outgoing.pop() {
        let weight = mail.weight();
        match lane.try_send(mail, weight) {
            Ok(()) => *sent = true,
            // A peer is gone only when the whole server stops.
            Err(Refused::Gone(_)) => {}
            Err(Refused::Full(mail)) => {
                debug_assert!(false, "no more is pushed than there is space for");
                outgoing.put_back(mail);
                return false;
            }
        }
    }
    let mut found = false;
    if outgoing.take_starved() || may_be_relieved {
        found = lane.ready();
        outgoing.await_ring(!found);
    }
    outgoing.set_space(Space {
        messages: lane.space(),
        bytes: lane.room_bytes(),
    });
    found
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::{pass, put};
    use crate::id::ShardId;
    use crate::mesh::{Capacity, lane};
    use crate::shard::mail::{Outgoing, ToHome};

    #[test]
    fn mail_behind_stuck_mail_is_taken_without_a_ring() {
        let lane = RefCell::new(VecDeque::from([1, 2, 3]));
        let mut stuck = None;
        let mut taken = Vec::new();
        let next = || lane.borrow_mut().pop_front();
        assert!(!pass(true, 9, &mut stuck, next, Some));
        assert_eq!(stuck, Some(1));
        let take = |mail| {
            taken.push(mail);
            None
        };
        assert!(!pass(false, 9, &mut stuck, next, take));
        assert_eq!((stuck, taken), (None, vec![1, 2, 3]));
    }

    #[test]
    fn a_ring_tells_of_space_to_senders_that_do_not_ask_again() {
        let (sender, receiver) = lane(Capacity {
            messages: 1,
            bytes: 1,
        });
        let mut outgoing = Outgoing::default();
        let put = |outgoing: &mut _, rung| put(outgoing, &sender, rung, &mut false);
        assert!(!put(&mut outgoing, false), "no sender has found no space");
        assert!(outgoing.has_space());
        outgoing.push(ToHome::Published {
            shard: ShardId::default(),
            round: 0,
        });
        assert!(!outgoing.has_space());
        assert!(!put(&mut outgoing, false), "the lane is full");
        assert!(!put(&mut outgoing, true), "the ring was for another lane");
        assert!(receiver.try_recv().is_some() && receiver.relieved());
        assert!(!put(&mut outgoing, false), "it has not rung yet");
        assert!(put(&mut outgoing, true));
        assert!(!put(&mut outgoing, true), "told once");
        assert!(outgoing.has_space());
    }
}
