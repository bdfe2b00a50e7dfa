//! The reader of one topic: makes one order without holes of what is pushed, which may be lost, and
//! of what is read, which is behind. No socket and no clock.

mod words;

use std::collections::VecDeque;
use std::mem;

use crate::position::{Epoch, Position};
use crate::redis::envelope::Body;
pub(crate) use crate::redis::reader::words::{Action, Found, Range};
use crate::redis::reader::words::{Next, State};
use crate::shard::mail::{Arrival, Fill, Inward};
use crate::topic::Topic;
use crate::topic::history::Kept;

/// Messages that wait for a range to be read, at most. Of more, all are dropped: they are read.
pub(crate) const HELD_MAX: usize = 1024;

/// The reader of a topic that the home has attached.
#[derive(Debug)]
pub(crate) struct Reader {
    topic: Topic,
    ticket: u32,
    has_history: bool,
    /// What the home has.
    last: Option<Position>,
    /// The number of the last message of a topic without history.
    counted: Option<u64>,
    state: State,
    /// The home has been told that the topic is attached.
    is_attached: bool,
    /// Tells the range that is awaited from those that were asked for before.
    turn: u32,
    held: VecDeque<(Position, Body)>,
    /// Some that were to be held were dropped.
    overflowed: bool,
}

impl Reader {
    /// The reader of a topic of which nothing is pushed yet.
    pub(crate) fn new(
        topic: Topic,
        ticket: u32,
        has_history: bool,
        since: Option<Position>,
    ) -> Self {
        Self {
            topic,
            ticket,
            has_history,
            last: since.filter(|_| has_history),
            counted: None,
            state: State::Deaf,
            is_attached: false,
            // An answer to the reader before this one is none to this.
            turn: ticket.rotate_left(16),
            held: VecDeque::new(),
            overflowed: false,
        }
    }

    pub(crate) fn topic(&self) -> &Topic {
        &self.topic
    }

    pub(crate) fn ticket(&self) -> u32 {
        self.ticket
    }

    /// What is published from now on is pushed.
    pub(crate) fn subscribed(&mut self, out: &mut Vec<Action>) {
        self.held.clear();
        self.overflowed = false;
        if !self.has_history {
            self.state = State::Live;
            if !self.is_attached {
                self.attach(None, out);
            }
        } else if self.is_attached {
            self.state = State::Comparing;
            self.turn = self.turn.wrapping_add(1);
            out.push(Action::Compare { turn: self.turn });
        } else {
            self.ask(out);
        }
    }

    /// What is published is not pushed any more.
    pub(crate) fn lost(&mut self) {
        self.state = State::Deaf;
        self.turn = self.turn.wrapping_add(1);
        self.held.clear();
    }

    /// A message of a topic without history was pushed.
    pub(crate) fn counted(&mut self, number: u64, body: Body, found: &mut Found) -> Option<Inward> {
        if self.has_history || self.state != State::Live {
            return None;
        }
        // A counter that stands lower has begun anew.
        let last = self.counted.replace(number).filter(|last| *last < number);
        found.lost += last.map_or(0, |last| number - last - 1);
        Some(self.arrival(None, body))
    }

    /// A message was pushed.
    pub(crate) fn pushed(
        &mut self,
        position: Position,
        body: Body,
        found: &mut Found,
        out: &mut Vec<Action>,
    ) {
        match self.state {
            State::Comparing | State::Reading => self.hold(position, body),
            State::Live if self.has_history => match self.place(position) {
                Next::Follows => self.deliver(position, body, out),
                Next::IsKnown => {}
                Next::IsBeyond => {
                    found.gaps += 1;
                    self.hold(position, body);
                    self.ask(out);
                }
            },
            State::Live | State::Deaf => {}
        }
    }

    /// The topic's history was removed. A range that is read may still have it.
    pub(crate) fn removed(&mut self, out: &mut Vec<Action>) {
        if self.state == State::Reading {
            self.ask(out);
        }
        if self.is_attached {
            out.push(Action::Deliver(Inward::Removed {
                topic: self.topic.clone(),
                ticket: self.ticket,
            }));
        }
    }

    /// The topic stands here; `None`: the engine does not know it.
    pub(crate) fn compared(
        &mut self,
        turn: u32,
        top: Option<Position>,
        found: &mut Found,
        out: &mut Vec<Action>,
    ) {
        if self.state != State::Comparing || turn != self.turn {
            return;
        }
        match top.filter(|top| self.last == Some(*top)) {
            Some(top) => self.go_on(top.epoch, found, out),
            None => self.ask(out),
        }
    }

    /// What was asked at this turn, if its answer is still awaited.
    pub(crate) fn again(&self, turn: u32) -> Option<Action> {
        match self.state {
            _ if turn != self.turn => None,
            State::Comparing => Some(Action::Compare { turn }),
            State::Reading => Some(Action::Read {
                since: self.last,
                turn,
            }),
            State::Deaf | State::Live => None,
        }
    }

    /// This is what follows what the home has.
    pub(crate) fn read(
        &mut self,
        turn: u32,
        range: Range,
        found: &mut Found,
        out: &mut Vec<Action>,
    ) {
        if self.state != State::Reading || turn != self.turn {
            return;
        }
        let Range {
            top,
            mut entries,
            is_whole,
        } = range;
        // In one epoch an engine goes back only if it has lost what it had.
        let follows = |last: Position| last.epoch == top.epoch && last.offset <= top.offset;
        let is_whole = is_whole && self.last.is_none_or(follows);
        if is_whole && let Some(last) = self.last {
            entries.retain(|entry| last.offset < entry.offset);
        }
        let is_news = self.last.replace(top) != Some(top);
        let fill = Fill {
            top,
            entries,
            is_whole,
        };
        if !self.is_attached {
            self.attach(Some(fill), out);
        } else if is_news {
            found.mended += u64::from(is_whole);
            out.push(Action::Deliver(Inward::Refill {
                topic: self.topic.clone(),
                ticket: self.ticket,
                fill,
            }));
        }
        self.go_on(top.epoch, found, out);
    }

    /// Passes on what was held while a range was read.
    fn go_on(&mut self, epoch: Epoch, found: &mut Found, out: &mut Vec<Action>) {
        self.state = State::Live;
        let held = mem::take(&mut self.held);
        let overflowed = mem::take(&mut self.overflowed);
        // What was pushed before the first message of this epoch is of an epoch before it.
        let is_of_epoch = |(position, _): &(Position, Body)| position.epoch == epoch;
        let stale = held.iter().position(is_of_epoch).unwrap_or(0);
        for (position, body) in held.into_iter().skip(stale) {
            match self.place(position) {
                Next::Follows => self.deliver(position, body, out),
                Next::IsKnown => {}
                Next::IsBeyond => {
                    // It came before the next range is read, as all that follow it.
                    found.gaps += 1;
                    return self.ask(out);
                }
            }
        }
        if overflowed {
            self.ask(out);
        }
    }

    fn place(&self, position: Position) -> Next {
        match self.last {
            Some(last) if last.epoch != position.epoch => Next::IsBeyond,
            Some(last) if position.offset <= last.offset => Next::IsKnown,
            Some(last) if position.offset == last.offset + 1 => Next::Follows,
            _ => Next::IsBeyond,
        }
    }

    fn hold(&mut self, position: Position, body: Body) {
        if self.held.len() < HELD_MAX {
            self.held.push_back((position, body));
        } else {
            self.overflowed = true;
        }
    }

    fn ask(&mut self, out: &mut Vec<Action>) {
        self.state = State::Reading;
        self.turn = self.turn.wrapping_add(1);
        out.push(Action::Read {
            since: self.last,
            turn: self.turn,
        });
    }

    fn attach(&mut self, fill: Option<Fill>, out: &mut Vec<Action>) {
        self.is_attached = true;
        out.push(Action::Deliver(Inward::Attached {
            topic: self.topic.clone(),
            ticket: self.ticket,
            fill,
        }));
    }

    fn deliver(&mut self, position: Position, body: Body, out: &mut Vec<Action>) {
        self.last = Some(position);
        let mail = self.arrival(Some(position), body);
        out.push(Action::Deliver(mail));
    }

    fn arrival(&self, position: Option<Position>, body: Body) -> Inward {
        Inward::Message(Box::new(Arrival {
            topic: self.topic.clone(),
            ticket: self.ticket,
            position,
            message: Kept {
                offset: position.map_or(0, |position| position.offset),
                payload: body.payload,
                extra: body.extra,
            },
            skips_history: body.skips_history,
            excluded: body.excluded,
        }))
    }
}
