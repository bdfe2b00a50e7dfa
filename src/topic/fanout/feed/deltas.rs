//! Deltas: subscribers that ask for them get of each message what has changed since the one before.
//!
//! A delta is made once for all members of a feed, since all read the same log: a member that has
//! read it up to a frame has the message before that. The exceptions have joined after that
//! message, or have skipped it. They are `FRESH`, and get the next one whole.

use std::rc::Rc;

use crate::id::ConnKey;
use crate::limits::{DELTA_BYTES_MAX, WHOLES_MAX, WORK_OF_WHOLE};
use crate::payload::{Entry, Structured};
use crate::proto::centrifuge::Content;
use crate::proto::fossil::Encoder;
use crate::topic::fanout::feed::Feed;
use crate::topic::fanout::member::{DETACHED, FRESH, Member};
use crate::topic::fanout::pass::Rest;
use crate::topic::fanout::segment::{Pool, Segment};

/// What the next delta of a feed is made of.
#[derive(Debug, Default)]
pub(in crate::topic::fanout) struct Chain {
    /// The message that all members have but fresh ones; without one, the next is sent whole.
    base: Option<Segment>,
    /// Some members are fresh.
    has_fresh: bool,
}

/// A message that a fresh member gets whole, by the owner of connections.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) conn: ConnKey,
    pub(crate) frame: Rest,
}

/// What makes deltas, and what they leave to the owner of connections.
#[derive(Debug, Default)]
pub(in crate::topic::fanout) struct Deltas {
    encoder: Encoder,
    whole: Vec<Whole>,
}

impl Chain {
    /// Lets go of the message: the next is sent whole.
    fn cut(&mut self) {
        self.base = None;
    }

    fn keep(&mut self, value: &[u8], pool: &Pool) {
        if DELTA_BYTES_MAX < value.len() {
            return self.cut();
        }
        self.base.get_or_insert_with(|| pool.hold()).set(value);
    }
}

impl Deltas {
    /// Messages that fresh members get whole, before all else of this topic.
    #[inline]
    pub(in crate::topic::fanout) fn take_whole(&mut self) -> Vec<Whole> {
        std::mem::take(&mut self.whole)
    }

    /// What the owner of connections has to do with them, as work.
    pub(in crate::topic::fanout) fn work(&self) -> usize {
        self.whole.len() * WORK_OF_WHOLE
    }

    #[cfg(any(test, feature = "internals"))]
    pub(in crate::topic::fanout) fn is_done(&self) -> bool {
        self.whole.is_empty()
    }
}

impl Feed {
    /// Appends a message as the delta to the one before it, or whole if that is shorter or many
    /// members need it. The member with the index `excluded` does not get it.
    pub(in crate::topic::fanout) fn append_delta(
        &mut self,
        form: Structured,
        entry: &Entry<'_>,
        excluded: Option<usize>,
        deltas: &mut Deltas,
        pool: &mut Pool,
    ) {
        let Self {
            log,
            members,
            chain,
            ..
        } = self;
        let chain = chain.get_or_insert_default();
        let value = form.value(entry.payload);
        let Deltas { encoder, whole } = deltas;
        let mut fresh = members.iter().filter(|member| gets_whole(member));
        let are_many = chain.has_fresh && fresh.nth(WHOLES_MAX).is_some();
        let base = chain.base.as_ref().filter(|_| !are_many);
        let delta = base.and_then(|base| encoder.encode(&base.bytes, &value));
        let is_delta = delta.is_some();
        log.append(form.frame_len_max(entry), pool, |out| match delta {
            Some(delta) => form.encode_data(out, entry, delta, Content::Delta),
            None => form.encode_data(out, entry, &value, Content::Value),
        });
        if std::mem::take(&mut chain.has_fresh) {
            let head = log.head();
            let mut frame = None;
            let fresh = members.iter_mut().enumerate();
            for (index, member) in fresh.filter(|(_, member)| member.is(FRESH)) {
                if member.is(DETACHED) || Some(index) == excluded {
                    chain.has_fresh = true;
                    continue;
                }
                member.set(FRESH, false);
                if is_delta {
                    let encode = || whole_frame(form, entry, &value, pool);
                    let frame: &Rc<Segment> = frame.get_or_insert_with(encode);
                    whole.push(Whole::of(*member, frame));
                    member.set_cursor(head);
                }
            }
        }
        match excluded {
            // It has another message than the others.
            Some(_) => chain.cut(),
            None => chain.keep(&value, pool),
        }
    }

    /// The member with this index lacks what the next delta is made of.
    pub(in crate::topic::fanout) fn note_fresh(&mut self, index: usize) {
        let chain = self.chain.as_mut().filter(|chain| chain.base.is_some());
        if let Some(chain) = chain
            && let Some(member) = self.members.get_mut(index)
        {
            member.set(FRESH, true);
            chain.has_fresh = true;
        }
    }

    /// Members have skipped messages, and are fresh.
    pub(in crate::topic::fanout) fn note_skipped(&mut self) {
        if let Some(chain) = &mut self.chain {
            chain.has_fresh = true;
        }
    }

    /// Whether it keeps a message for the next delta.
    pub(in crate::topic::fanout) fn has_base(&self) -> bool {
        let chain = self.chain.as_ref();
        chain.is_some_and(|chain| chain.base.is_some())
    }

    /// Lets go of that message: the next is sent whole.
    pub(in crate::topic::fanout) fn cut_chain(&mut self) {
        if let Some(chain) = &mut self.chain {
            chain.cut();
        }
    }
}

impl Whole {
    fn of(member: Member, frame: &Rc<Segment>) -> Self {
        let segment = Rc::clone(frame);
        let (from, to) = (0, segment.len());
        Self {
            conn: member.conn,
            frame: Rest { segment, from, to },
        }
    }
}

/// Whether a member lacks what a delta is made of, and is to get the message now.
fn gets_whole(member: &Member) -> bool {
    member.is(FRESH) && !member.is(DETACHED)
}

fn whole_frame(form: Structured, entry: &Entry<'_>, value: &[u8], pool: &Pool) -> Rc<Segment> {
    let mut frame = pool.hold();
    frame.bytes.reserve_exact(form.frame_len_max(entry));
    form.encode_data(&mut frame.bytes, entry, value, Content::Value);
    frame.count();
    Rc::new(frame)
}
