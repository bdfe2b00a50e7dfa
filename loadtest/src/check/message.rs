//! What a published message says: its publisher, its number, and when it was due.

use clap::ValueEnum;

/// Fewest bytes of a message: the stamp alone.
pub(crate) const STAMP_BYTES: usize = 24;

/// Stands in the place of a publisher in the one message before those that count.
pub(crate) const WARM_UP: u32 = u32::MAX;

/// The head of a message. On the wire, all little-endian: the run, the publisher, the number, and a
/// hash of these, the time and the topic in four bytes each, the time in eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Number of its publisher, from 0.
    pub(crate) publisher: u32,
    /// Its number among those of its publisher, from 0.
    pub(crate) seq: u32,
    /// When it was to be sent, [`crate::clock::now_ns`].
    pub(crate) due_ns: u64,
}

impl Stamp {
    pub(crate) fn new(publisher: u32, seq: u32, due_ns: u64) -> Self {
        Self {
            publisher,
            seq,
            due_ns,
        }
    }
}

/// What messages are filled with behind their stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Filler {
    /// Bytes that count from 0 to 250, again and again
    #[default]
    Counting,
    /// Readings as JSON: names that come again, and numbers that do not
    Json,
}

impl Filler {
    fn bytes(self, len: usize) -> Vec<u8> {
        match self {
            Self::Counting => (0..=250).cycle().take(len).collect(),
            Self::Json => {
                let reading = |n: u64| {
                    let bits = mix(n);
                    let (id, level, drift) = (bits >> 40, bits >> 20 & 0xffff, bits & 0xffff);
                    format!(
                        "{{\"sensor\":\"s-{id:06x}\",\"level\":{level},\"drift\":0.{drift},\"ok\":true}},"
                    )
                };
                let text = (0..=len as u64 / 40).flat_map(|n| reading(n).into_bytes());
                text.take(len).collect()
            }
        }
    }
}

/// Writes and reads the messages of one run: all of one length, with a known filler.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    run: u32,
    /// Number of the topic, which is hashed and not sent: its subscribers know it.
    topic: u32,
    /// What this host's clock is ahead of the one whose times messages carry, in nanoseconds.
    ahead_ns: i64,
    filler: Vec<u8>,
}

impl Form {
    /// Messages of `payload` bytes, at least [`STAMP_BYTES`], told from other runs' by `run`.
    pub(crate) fn new(run: u32, payload: usize) -> Self {
        Self::filled(run, payload, Filler::Counting)
    }

    /// The same with another filler.
    pub(crate) fn filled(run: u32, payload: usize, filler: Filler) -> Self {
        let filler = filler.bytes(payload.saturating_sub(STAMP_BYTES));
        Self {
            run,
            topic: 0,
            ahead_ns: 0,
            filler,
        }
    }

    /// The same messages on a host whose clock is ahead of that of the others.
    pub(crate) fn on_host(self, ahead_ns: i64) -> Self {
        Self { ahead_ns, ..self }
    }

    /// The same messages on another topic than the first, number 0.
    pub(crate) fn on_topic(&self, topic: u32) -> Self {
        Self {
            topic,
            ..self.clone()
        }
    }

    pub(crate) fn topic(&self) -> u32 {
        self.topic
    }

    #[inline]
    pub(crate) fn set_topic(&mut self, topic: u32) {
        self.topic = topic;
    }

    pub(crate) fn payload_len(&self) -> usize {
        STAMP_BYTES + self.filler.len()
    }

    /// Replaces `out` by the message with this stamp.
    pub(crate) fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        out.clear();
        let due_ns = stamp
            .due_ns
            .wrapping_add_signed(self.ahead_ns.wrapping_neg());
        let stamp = Stamp { due_ns, ..stamp };
        out.extend_from_slice(&self.run.to_le_bytes());
        out.extend_from_slice(&stamp.publisher.to_le_bytes());
        out.extend_from_slice(&stamp.seq.to_le_bytes());
        out.extend_from_slice(&self.seal(stamp).to_le_bytes());
        out.extend_from_slice(&stamp.due_ns.to_le_bytes());
        out.extend_from_slice(&self.filler);
    }

    /// Reads a message; `None` if it is not one of this run, or any byte of it is wrong.
    #[inline]
    pub(crate) fn read(&self, payload: &[u8]) -> Option<Stamp> {
        let (stamp, filler) = payload.split_first_chunk::<STAMP_BYTES>()?;
        let [r0, r1, r2, r3, p0, p1, p2, p3, numbers @ ..] = *stamp;
        let [q0, q1, q2, q3, s0, s1, s2, s3, due @ ..] = numbers;
        let stamp = Stamp {
            publisher: u32::from_le_bytes([p0, p1, p2, p3]),
            seq: u32::from_le_bytes([q0, q1, q2, q3]),
            due_ns: u64::from_le_bytes(due),
        };
        let ours = u32::from_le_bytes([r0, r1, r2, r3]) == self.run
            && u32::from_le_bytes([s0, s1, s2, s3]) == self.seal(stamp)
            && filler == self.filler;
        let due_ns = stamp.due_ns.wrapping_add_signed(self.ahead_ns);
        ours.then_some(Stamp { due_ns, ..stamp })
    }

    /// A hash of the stamp. Each step is a bijection of 64 bits until the last, so that two stamps
    /// that differ have the same seal once in 2^32.
    #[inline]
    fn seal(&self, stamp: Stamp) -> u32 {
        let numbers = u64::from(stamp.seq) << 32 | u64::from(stamp.publisher);
        let place = u64::from(self.topic) << 32 | u64::from(self.run);
        let mixed = mix(stamp.due_ns ^ mix(numbers ^ mix(place)));
        let [_, _, _, _, seal @ ..] = mixed.to_le_bytes();
        u32::from_le_bytes(seal)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
#[inline]
pub(crate) fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filler_has_the_length_that_was_asked_for() {
        for filler in [Filler::Counting, Filler::Json] {
            for len in [0, 1, 40, 1000, 70_000] {
                assert_eq!(filler.bytes(len).len(), len, "{filler:?}");
            }
        }
    }

    #[test]
    fn times_are_read_by_the_clock_of_their_reader() {
        let mut message = Vec::new();
        let form = Form::new(1, 24);
        let stamp = Stamp::new(0, 0, 5_000);
        form.clone().on_host(1_000).write(stamp, &mut message);
        let read = |ahead| form.clone().on_host(ahead).read(&message).unwrap().due_ns;
        assert_eq!([0, 1_000, -500].map(read), [4_000, 5_000, 3_500]);
    }

    #[test]
    fn what_was_written_is_read_back_and_any_wrong_byte_is_seen() {
        let stamp = Stamp::new(3, 77, 123_456_789_012);
        for payload in [24, 25, 1000] {
            let form = Form::new(9, payload);
            let mut message = Vec::new();
            form.write(stamp, &mut message);
            assert_eq!(message.len(), payload);
            assert_eq!(form.read(&message), Some(stamp));
            assert_eq!(form.read(&message[1..]), None);
            assert_eq!(Form::new(8, payload).read(&message), None, "another run");
            assert_eq!(form.on_topic(1).read(&message), None, "another topic");
            for at in 0..payload {
                for flip in 1..=255 {
                    message[at] ^= flip;
                    assert_eq!(form.read(&message), None, "byte {at} by {flip:#x}");
                    message[at] ^= flip;
                }
            }
        }
    }
}
