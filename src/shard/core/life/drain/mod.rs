//! Draining: the server goes, and its clients are told one after the other.
//!
//! What is acknowledged is delivered: no connection is closed before what any shard had taken has
//! reached the shards of its subscribers (`barrier`), and no shard takes more until then.

pub(crate) mod returns;

use std::time::Duration;

use crate::close_reason::CloseReason;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::limits::{DRAIN_ALL_AT_ONCE, DRAIN_BODY_TIMEOUT, DRAIN_GRACE, DRAIN_STEP, DRAIN_TAIL};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::http::Phase;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::{Conn, UNPROCESSED};
use crate::shard::core::ingress::protocol::LastWord;
use crate::shard::core::life::drain::returns::return_after;
use crate::shard::core::shard::Shard;
use crate::time::Now;

/// A drain under way.
#[derive(Debug)]
pub(crate) struct Drain {
    start: Now,
    stage: Stage,
    /// Threads outside may have messages on their lane.
    outside_waits: bool,
    /// When connections are to be looked at again for what they have published.
    next_look: Now,
    /// Where in the slab to look next.
    next: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What is on its way to the server is still read.
    Reading,
    /// Nothing more is read of clients that could publish; what was taken finds its way.
    Quiet,
    /// Connections are closed.
    Closing {
        since: Now,
        /// Over how long the closes are spread, so that not all clients come back at once.
        window: Duration,
        /// Over how long they are to come back.
        returns: Duration,
        total: usize,
        closed: usize,
    },
}

impl Drain {
    fn new(start: Now) -> Self {
        Self {
            start,
            stage: Stage::Reading,
            outside_waits: false,
            next_look: start,
            next: 0,
        }
    }

    /// Whether what was on its way has had its time, and no connection still waits to be read.
    fn has_read_all(&self, is_all_read: bool, elapsed: Duration) -> bool {
        let patience = DRAIN_BODY_TIMEOUT <= elapsed;
        self.stage == Stage::Reading && DRAIN_GRACE <= elapsed && (is_all_read || patience)
    }

    /// Connections are closed from now on: `total`, as fast as their clients can come back, and
    /// within what is `left` of the window.
    fn begin_closing(&mut self, now: Now, left: Duration, total: usize, returns: Duration) {
        let at_once = total < DRAIN_ALL_AT_ONCE;
        let left = left.saturating_sub(DRAIN_TAIL).min(returns);
        self.stage = Stage::Closing {
            since: now,
            window: if at_once { Duration::ZERO } else { left },
            returns,
            total,
            closed: 0,
        };
    }

    /// When the drain goes on.
    pub(crate) fn deadline(&self, now: Now) -> Now {
        let least = match self.stage {
            Stage::Reading => self.start.plus(DRAIN_GRACE),
            Stage::Quiet | Stage::Closing { .. } => self.start,
        };
        least.max(now.plus(DRAIN_STEP))
    }
}

impl<H: Handler> ShardCore<H> {
    /// Closes all connections, spread over a while.
    pub fn begin_drain(&mut self) {
        self.shard.begin_drain();
    }

    /// Says whether threads outside may have put something on their lane before the drain that was
    /// not taken yet.
    pub fn note_outside(&mut self, waits: bool) {
        if let Some(drain) = &mut self.shard.drain {
            drain.outside_waits = waits;
        }
    }
}

impl<D, A> Shard<D, A> {
    fn begin_drain(&mut self) {
        let start = self.env.now;
        self.drain.get_or_insert_with(|| Drain::new(start));
    }

    /// Whether nothing is to be read of connections that could publish.
    pub(crate) fn is_quiet(&self) -> bool {
        let drain = self.drain.as_ref();
        drain.is_some_and(|drain| drain.stage == Stage::Quiet)
    }

    /// Goes on with the drain, if there is one; `rooms_wait` if some have outputs without space.
    pub(crate) fn go_on_draining(&mut self, rooms_wait: bool) {
        let Some(mut drain) = self.drain.take() else {
            return;
        };
        let elapsed = self.env.now.since(drain.start);
        if self.env.config.drain_timeout <= elapsed {
            self.cut_all();
        } else if drain.has_read_all(self.conns.reads.is_empty(), elapsed) {
            drain.stage = Stage::Quiet;
            self.close_idle();
        }
        if drain.stage == Stage::Quiet {
            let has_published = self.has_published(&mut drain, elapsed);
            let is_settled = !rooms_wait && self.pubsub.is_settled();
            self.pubsub.barrier.step(has_published, is_settled);
            // An order that came before the barrier may not be carried out yet.
            if self.pubsub.barrier.is_passed() && self.pubsub.users.orders.is_empty() {
                let config = &self.env.config;
                // Whatever is left at the deadline is cut without a word.
                let deadline = config.drain_timeout;
                let window = config
                    .drain_window
                    .map_or(deadline, |most| most.min(deadline));
                let left = window.saturating_sub(elapsed);
                let total = self.conns.len();
                let allowed = config.accept_rate;
                let returns = self.env.open_pace.window(total, allowed);
                drain.begin_closing(self.env.now, left, total, returns);
                self.release_all();
            }
        }
        if let Stage::Closing { .. } = drain.stage {
            self.close_due(&mut drain);
        }
        self.drain = Some(drain);
    }

    /// Whether a connection was accepted a moment ago, and its request may be on its way.
    fn is_fresh(&self, conn: &Conn<D>) -> bool {
        let awaits_head = matches!(conn.protocol.phase(), Some(Phase::New | Phase::Head));
        awaits_head && self.conns.timers.grace.until() < conn.heard.moment().plus(DRAIN_GRACE)
    }

    /// Whether all that was taken of clients and threads is published, or on its way to its home.
    fn has_published(&mut self, drain: &mut Drain, elapsed: Duration) -> bool {
        if self.env.now < drain.next_look {
            return false;
        }
        let is_waited_for = drain.outside_waits
            || !self.conns.waits.is_empty()
            || self.conns.ends.unsettled.len() != 0
            || !self.pubsub.is_settled();
        let waits_for_body = elapsed < DRAIN_BODY_TIMEOUT;
        let busy = |(_, conn): (ConnKey, &Conn<D>)| {
            let is_asked = match conn.protocol.phase() {
                Some(Phase::Handler) => true,
                Some(Phase::Body) => waits_for_body,
                Some(Phase::New | Phase::Head | Phase::Idle) => false,
                // One that waits for its rate has published nothing that it was told of.
                None => conn.pause == Pause::Answer,
            };
            // It was accepted, and is told so, if that does not take long.
            let opens = waits_for_body && (conn.state.is_corked() || self.is_fresh(conn));
            !conn.state.is_closing() && (is_asked || opens || conn.is(UNPROCESSED))
        };
        if !is_waited_for && !self.conns.iter().any(busy) {
            return true;
        }
        // Those that wait for nothing any more, without news of it, are found by trying.
        self.env.moved = true;
        drain.next_look = self.env.now.plus(DRAIN_STEP);
        false
    }

    /// Closes connections that have asked for nothing: none of them can publish any more.
    fn close_idle(&mut self) {
        let idle = |conn: &Conn<D>| {
            let phase = conn.protocol.phase();
            matches!(phase, Some(Phase::Idle | Phase::New | Phase::Head))
        };
        for key in self.conns.keys() {
            let conn = self
                .conns
                .get(key)
                .filter(|conn| !conn.state.is_closing() && !conn.is(UNPROCESSED));
            if conn.is_some_and(|conn| idle(conn) && !self.is_fresh(conn)) {
                self.close(key, CloseReason::Shutdown);
            }
        }
    }

    /// Those that were not read may be again.
    fn release_all(&mut self) {
        for key in self.conns.keys() {
            let conn = self.conns.get(key);
            if conn.is_some_and(|conn| conn.state.is_accepted()) {
                let id = self.conns.id(key);
                self.conns.reads.release(id);
            }
        }
    }

    /// Closes the connections that are due and have had everything.
    fn close_due(&mut self, drain: &mut Drain) {
        let Stage::Closing {
            since,
            window,
            returns,
            total,
            closed,
        } = &mut drain.stage
        else {
            return;
        };
        let due = due(self.env.now.since(*since), *window, *total);
        let slots = self.conns.slots();
        for _ in 0..slots {
            if due <= *closed || self.env.work.is_spent() {
                return;
            }
            let key = ConnKey::new(drain.next);
            drain.next = (drain.next + 1) % slots;
            let Some(conn) = self.conns.get(key) else {
                continue;
            };
            if conn.state.is_closing() || self.is_fresh(conn) {
                continue;
            }
            // Nothing was promised to it yet.
            let corked = conn.state.is_corked();
            let is_behind = self.pubsub.has_tail(&self.conns, key)
                || self.pubsub.is_catching_up(&self.conns, key);
            if !self.is_asked(key) && (corked || !is_behind) {
                let word = LastWord::ComeBack(return_after(key, *returns));
                self.close_with(key, CloseReason::Shutdown, &word);
                *closed += 1;
            }
        }
    }

    /// Whether a request was accepted that is to be answered: its own deadlines end that, and the
    /// answer closes.
    fn is_asked(&mut self, key: ConnKey) -> bool {
        let phase = self.conns.http(key).map(|http| http.phase);
        matches!(phase, Some(Phase::Body | Phase::Handler))
    }

    /// The drain has taken as long as it may.
    fn cut_all(&mut self) {
        for key in self.conns.keys() {
            let conn = self.conns.get(key);
            if conn.is_some_and(|conn| conn.state != State::Dead) {
                self.kill(key, CloseReason::Shutdown);
            }
        }
    }
}

/// How many connections should have been closed by now.
fn due(elapsed: Duration, window: Duration, total: usize) -> usize {
    if window <= elapsed {
        return usize::MAX;
    }
    let share = elapsed.as_secs_f64() / window.as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share between 0 and 1 of a count of connections"
    )]
    let due = (total as f64 * share) as usize;
    due
}
