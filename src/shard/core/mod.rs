//! One shard without its thread: events in, effects out.
//!
//! Pure: no socket, clock, thread, lock or log line. Its driver, an event loop or a simulation,
//! calls `begin_turn`, `handle_*` for what happened, and `flush`, `mail`, `take_*` and `reap`.

pub mod app;
#[cfg(any(test, feature = "internals"))]
mod audit;
#[cfg(any(test, feature = "internals"))]
mod audit_homes;
mod backplane;
mod conn;
pub mod conns;
mod delivery;
mod egress;
mod env;
mod give_back;
mod ingress;
mod life;
mod lifetimes;
mod meters;
mod notice;
pub mod pubsub;
mod reload;
mod session;
mod shard;
mod trace;
mod work;

use std::fmt;
use std::sync::Arc;

use crate::close_reason::CloseReason;
use crate::config::Config;
use crate::counters::{Counters, Limit};
use crate::handler::{ConnectionInfo, Handler};
use crate::id::{ConnId, ShardId};
use crate::limits::{TIMEOUTS_PER_TURN, WORK_OF_END};
use crate::shard::core::app::rooms::Rooms;
use crate::shard::core::app::shard_cx::ShardCx;
use crate::shard::core::conns::questions::Answers;
use crate::shard::core::shard::Shard;
use crate::shard::core::work::Share;
use crate::shard::mail::{FromHome, PeerMail, ToHome};
use crate::time::{Now, Schedule};
use crate::topic::sink::Sink;

/// One shard without its thread.
pub struct ShardCore<H: Handler> {
    pub(in crate::shard::core) handler: H,
    pub(in crate::shard::core) shard: Shard<H::Conn, H::Answer>,
    pub(in crate::shard::core) rooms: Rooms,
    tick: Option<Schedule>,
}

impl<H: Handler> fmt::Debug for ShardCore<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardCore")
            .field("shard", &self.shard.env.shard)
            .finish_non_exhaustive()
    }
}

impl<H: Handler> ShardCore<H> {
    /// A shard without connections; `answers` come to [`handle_answer`](Self::handle_answer).
    pub fn new(
        shard: ShardId,
        shards: u16,
        config: Config,
        now: Now,
        handler: H,
        answers: Arc<dyn Answers<H::Answer>>,
    ) -> Self {
        let period = handler.tick_every();
        let mut shard = Shard::new(shard, shards, config, now, answers);
        shard.pubsub.tells_topics = handler.watches_topics();
        Self {
            handler,
            shard,
            rooms: Rooms::default(),
            tick: period.map(|period| Schedule::new(now, period)),
        }
    }

    /// A turn begins; all that follows happens at `now`.
    pub fn begin_turn(&mut self, now: Now) {
        self.shard.env.begin_turn(now);
        self.shard.conns.timers.grace.begin_turn(self.shard.env.now);
        self.shard.ingress.begin_turn();
        self.shard.relieve_replies();
        // Before the publishers of this turn take the space.
        self.shard.pubsub.mail_interest(&self.shard.env);
        self.shard.pubsub.mail_barrier();
        self.resume_first();
    }

    /// The client has closed its side: nothing more will come.
    pub fn handle_read_end(&mut self, id: ConnId) {
        if self.shard.conns.current(id).is_some() {
            self.shard.env.work.charge(WORK_OF_END);
            self.shard.read_ended(id.key);
        }
    }

    /// The connection is broken.
    pub fn handle_reset(&mut self, id: ConnId) {
        if self.shard.conns.current(id).is_some() {
            self.shard.env.work.charge(WORK_OF_END);
            self.shard.kill(id.key, CloseReason::Vanished);
        }
    }

    /// The connection's socket may take bytes again.
    pub fn handle_writable(&mut self, id: ConnId) {
        if self.shard.conns.current(id).is_some() {
            self.shard.unblock(id.key);
        }
    }

    /// Mail to this shard as a home of topics; given back if there is no space to pass it on.
    pub fn handle_to_home(&mut self, mail: ToHome) -> Option<ToHome> {
        if !self.shard.env.begin_mail(Share::ToHome) {
            return Some(mail);
        }
        let back = match mail {
            ToHome::Publish(publication) => self.publish_at_home(publication).map(ToHome::Publish),
            ToHome::Want { topic, interest } => {
                (!self.take_want(&topic, interest)).then_some(ToHome::Want { topic, interest })
            }
            ToHome::Presence { topic, presence } => self
                .take_presence(&topic, presence)
                .map(|presence| ToHome::Presence { topic, presence }),
            ToHome::Unwant { topic, interest } => {
                self.shard.remove_interest(&topic, interest);
                None
            }
            ToHome::Enter { user, conn } => {
                let taken = self.shard.take_entry(user, conn);
                (!taken).then_some(ToHome::Enter { user, conn })
            }
            ToHome::Leave { user, conn } => {
                self.shard.pubsub.users.homes.leave(user, conn);
                None
            }
            ToHome::Command(command) => self.shard.take_command(command).map(ToHome::Command),
            ToHome::Commands { conn, commands } => {
                self.shard.receive_commands(conn, &commands);
                None
            }
            ToHome::Census(scan) => self.shard.take_census(scan).map(ToHome::Census),
            ToHome::Ask(question) => self.shard.take_question(question).map(ToHome::Ask),
            ToHome::Operator(asked) => self.shard.take_inquiry(asked).map(ToHome::Operator),
            ToHome::Published { shard, round } => {
                self.shard.pubsub.barrier.note_ended(shard, round);
                None
            }
        };
        self.settle_homes();
        back
    }

    /// Mail from a home; given back if there is no space for it in a log that members still read.
    pub fn handle_from_home(&mut self, mail: FromHome) -> Option<FromHome> {
        if !self.shard.env.begin_mail(Share::FromHome) {
            return Some(mail);
        }
        self.shard.take_from_home(mail)
    }

    /// Goes on where a pause is over.
    pub fn handle_resumed(&mut self) {
        // Connections that waited have their own share, or readers could take all of it in each
        // turn; and rooms have theirs, because there may be any number of them.
        self.shard.env.work.enter(Share::Rooms);
        self.shard.ask_for_pages();
        self.resume_rooms();
        self.resume_settling();
        self.shard.answer_questions();
        // What is inflated in a turn costs more to pass on than a share has: by one account with
        // others, it would leave them nothing.
        self.shard.env.work.enter(Share::Inflate);
        self.resume_inflating();
        self.resume_verifying();
        // A user may have any number of connections.
        self.shard.env.work.enter(Share::Commands);
        self.shard.pass_commands();
        self.shard.env.work.enter(Share::Orders);
        self.shard.carry_out_orders();
        self.settle_homes();
        self.shard.env.work.enter(Share::Resumed);
        self.resume_paused();
    }

    /// Does what is due by now.
    pub fn handle_timeouts(&mut self) {
        self.shard.env.work.enter(Share::Time);
        self.shard.pass_time(TIMEOUTS_PER_TURN);
        let Shard { env, pubsub, .. } = &mut self.shard;
        pubsub.pass_time(env, TIMEOUTS_PER_TURN);
        self.shard.release_due();
        self.shard.go_on_draining(self.rooms.has_stuck());
        self.settle_homes();
        self.pass_room_time();
        self.pass_tick();
        self.shrink_tables();
    }

    fn pass_tick(&mut self) {
        let Some(tick) = self
            .tick
            .as_mut()
            .and_then(|tick| tick.take_due(self.shard.env.now))
        else {
            return;
        };
        self.shard.env.counters.ticks_skipped += tick.skipped;
        let shard = &mut self.shard;
        self.handler.on_tick(&mut ShardCx { shard }, tick);
        self.settle_homes();
    }

    /// Sends what there is to send, within a turn's budget.
    #[inline]
    pub fn flush<S: Sink>(&mut self, sink: &mut S) {
        self.shard.flush(sink);
    }

    /// The mail for each peer, by shard; to be emptied and given new space.
    pub fn mail(&mut self) -> &mut [PeerMail] {
        self.shard.pubsub.mail_interest(&self.shard.env);
        self.shard.pubsub.mail_barrier();
        &mut self.shard.pubsub.mail
    }

    /// A lane has space again in which a message had found none.
    pub fn note_space(&mut self) {
        self.shard.env.moved = true;
    }

    /// Whether there is no connection, and rooms and homes are told of those that were.
    pub fn is_empty(&self) -> bool {
        self.shard.conns.is_empty() && self.shard.pubsub.mail.iter().all(PeerMail::are_homes_told)
    }

    /// The next connection whose write side is to be shut down.
    pub fn take_finished(&mut self) -> Option<ConnId> {
        self.shard.conns.ends.next_finished()
    }

    /// Gives away the lists of connections that were asked for, with what `describe` adds of their
    /// sockets.
    pub fn give_lists(&mut self, mut describe: impl FnMut(&mut ConnectionInfo)) {
        while let Some(mut list) = self.shard.conns.users.next_list() {
            list.infos.iter_mut().for_each(&mut describe);
            list.survey.put(self.shard.env.shard, list.infos);
        }
    }

    /// When `handle_timeouts` has something to do next.
    pub fn next_deadline(&self) -> Option<Now> {
        let shard = &self.shard;
        let drain = shard.drain.as_ref();
        let deadlines = [
            shard.conns.timers.deadline(),
            shard.pubsub.deadline(&shard.env),
            drain.map(|drain| drain.deadline(shard.env.now)),
            self.rooms.deadline(),
            self.tick.map(|tick| tick.deadline()),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Whether something is left over that needs another turn at once.
    pub fn has_work(&self) -> bool {
        self.shard.has_work()
    }

    /// What the shard has counted.
    pub fn counters(&mut self) -> &mut Counters {
        let shard = &mut self.shard;
        shard.pubsub.count_topics(&mut shard.env.counters);
        shard.count_memory();
        &mut shard.env.counters
    }

    /// Counts that accepting waits for its rate.
    pub fn count_accept_wait(&mut self) {
        self.shard.env.counters.hit(Limit::AcceptRate);
    }

    /// Counts a connection that was over before it could be served.
    pub fn count_accept_over(&mut self) {
        self.shard.env.counters.accepted += 1;
    }

    /// Counts accepts that failed because there were no descriptors or no memory.
    pub fn count_accept_error(&mut self) {
        self.shard.env.counters.accept_errors += 1;
    }
}
