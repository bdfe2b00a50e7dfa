//! The log, frame by frame.

use std::collections::VecDeque;
use std::iter;

use super::Log;
use crate::id::ConnKey;
use crate::internals::Rng;
use crate::limits::SEGMENT_BYTES;
use crate::payload::{Encoder, Entry, Form, Payload};
use crate::proto::Kind;
use crate::proto::ws::deflate::Compression;
use crate::topic::fanout::member::Member;
use crate::topic::fanout::segment::Pool;
use crate::topic::sink::Sock;

fn entry(bytes: &[u8]) -> Entry<'_> {
    let kind = Kind::Binary;
    Entry::new(None, Payload { kind, bytes }, None).of("topic")
}

fn append(log: &mut Log, form: Form, payload: &[u8], pool: &mut Pool) {
    let mut encoder = Encoder::new(Compression {
        level: 1,
        threshold: 0,
    });
    let mut message = encoder.begin(entry(payload));
    log.append(message.frame_len_max(form), pool, |out| {
        message.encode(form, out);
    });
}

#[test]
fn a_cleared_log_goes_on_where_it_was() {
    let mut pool = Pool::default();
    let mut log = Log::default();
    append(&mut log, Form::LengthPrefix, b"ab", &mut pool);
    assert_eq!((log.base(), log.head(), pool.backlog()), (0, 6, 6));
    log.clear(&mut pool);
    assert_eq!((log.base(), log.head(), pool.backlog()), (6, 6, 0));
    append(&mut log, Form::LengthPrefix, b"c", &mut pool);
    assert_eq!(log.tail(6), b"\0\0\0\x01c");
}

const FORMS: [Form; 3] = [Form::WebSocket, Form::LengthPrefix, Form::DeflateBits9];

/// What a log should know, the simple way: where every frame begins and ends, and all bytes.
#[derive(Default)]
struct Model {
    frames: VecDeque<(u64, u64)>,
    bytes: Vec<u8>,
    head: u64,
    count: u64,
}

impl Model {
    fn base(&self) -> u64 {
        self.frames.front().map_or(self.head, |(start, _)| *start)
    }

    fn ends(&self) -> impl Iterator<Item = u64> {
        self.frames.iter().map(|(_, end)| *end)
    }

    fn append(&mut self, frame: &[u8]) {
        let start = self.head;
        self.head += frame.len() as u64;
        self.frames.push_back((start, self.head));
        self.bytes.extend_from_slice(frame);
        self.count += 1;
    }

    fn trim(&mut self, base: u64) {
        self.frames.retain(|(start, _)| base <= *start);
        let left = usize::try_from(self.head - self.base()).unwrap();
        self.bytes.drain(..self.bytes.len() - left);
    }

    /// All bytes from a boundary on.
    fn bytes_from(&self, cursor: u64) -> &[u8] {
        &self.bytes[usize::try_from(cursor - self.base()).unwrap()..]
    }
}

/// Whether these pieces are all of `bytes`, in order. Megabytes are compared, so slice by slice.
fn are_all<'p>(pieces: impl Iterator<Item = &'p [u8]>, mut bytes: &[u8]) -> bool {
    for piece in pieces {
        match bytes.strip_prefix(piece) {
            Some(rest) if !piece.is_empty() => bytes = rest,
            _ => return false,
        }
    }
    bytes.is_empty()
}

fn check(log: &Log, model: &Model, rng: &mut Rng) {
    assert_eq!((log.base(), log.head()), (model.base(), model.head));
    assert_eq!(log.len() as u64, model.head - model.base());
    assert_eq!(log.count(), model.count);
    assert_eq!(log.is_empty(), model.frames.is_empty());
    let newest = model.frames.back().map_or(model.head, |(start, _)| *start);
    assert_eq!(log.newest(), newest);

    let boundaries: Vec<u64> = iter::once(model.base()).chain(model.ends()).collect();
    let (one, other) = (rng.below(boundaries.len()), rng.below(boundaries.len()));
    let (from, to) = (one.min(other), one.max(other));
    let frames = log.frames_between(boundaries[from], boundaries[to]);
    assert_eq!(frames, (to - from) as u64);
    assert_eq!(log.frame_end(boundaries[from]), boundaries[from]);
    if from < to {
        let inside = boundaries[from] + 1;
        assert_eq!(log.frame_end(inside), boundaries[from + 1]);
    }

    // A reader that takes one tail after the other, and one that keeps them all.
    let expected = model.bytes_from(boundaries[from]);
    let mut at = boundaries[from];
    let tails = iter::from_fn(|| {
        let tail = (at < log.head()).then(|| log.tail(at))?;
        at += tail.len() as u64;
        Some(tail)
    });
    assert!(are_all(tails, expected));
    let mut member = Member::new(Sock(0), ConnKey(0));
    member.set_cursor(boundaries[from]);
    let unread = log.unread(member);
    let held = unread.iter().map(|u| u.segment.slice(u.from, u.to));
    assert!(are_all(held, expected));
    let frames: u64 = unread.iter().map(|unread| unread.frames).sum();
    assert_eq!(frames, (boundaries.len() - 1 - from) as u64);
}

#[test]
fn a_log_agrees_with_a_list_of_its_frames() {
    // What is compressed well, and what is not.
    let noises = [2, u8::MAX].map(|letters| {
        let mut rng = Rng::new(letters.into());
        let bytes = (0..4 * SEGMENT_BYTES).map(|_| rng.byte() % letters);
        bytes.collect::<Vec<u8>>()
    });
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut pool = Pool::default();
        let mut log = Log::default();
        let mut model = Model::default();
        let form = FORMS[rng.below(3)];
        let mut held = Vec::new();
        for _ in 0..60 {
            match rng.below(10) {
                0 => {
                    log.trim(&mut pool);
                    model.trim(log.base());
                }
                1 if rng.below(4) == 0 => {
                    log.clear(&mut pool);
                    model.trim(model.head);
                }
                2 => held.extend(log.share(log.base(), log.head())),
                3 => held.truncate(rng.below(3)),
                _ => {
                    let max = [10, 200, 40_000, 2 * SEGMENT_BYTES][rng.below(4)];
                    let noise = &noises[rng.below(2)];
                    let (start, len) = (rng.below(noise.len() / 2), rng.below(max));
                    let payload = &noise[start..start + len];
                    append(&mut log, form, payload, &mut pool);
                    let mut frame = Vec::new();
                    let mut encoder = Encoder::new(Compression {
                        level: 1,
                        threshold: 0,
                    });
                    let mut message = encoder.begin(entry(payload));
                    message.encode(form, &mut frame);
                    model.append(&frame);
                }
            }
            check(&log, &model, &mut rng);
            assert!(log.len() <= pool.backlog(), "seed {seed}");
        }
        log.clear(&mut pool);
        held.clear();
        assert_eq!(pool.backlog(), 0, "seed {seed}");
    }
}

#[test]
fn a_trim_lets_go_of_whole_segments() {
    let mut pool = Pool::default();
    let mut log = Log::default();
    for _ in 0..3 {
        let payload = vec![0; SEGMENT_BYTES - 4];
        append(&mut log, Form::LengthPrefix, &payload, &mut pool);
    }
    let segment = SEGMENT_BYTES as u64;
    assert_eq!(log.trim_to(), segment);
    log.trim(&mut pool);
    assert_eq!((log.base(), log.trim_to()), (segment, 2 * segment));
}

#[test]
fn a_segment_that_a_connection_holds_is_never_written_to() {
    let mut pool = Pool::default();
    let mut log = Log::default();
    append(&mut log, Form::LengthPrefix, b"old", &mut pool);
    let (segment, from, to) = log.share(0, 7).unwrap();
    append(&mut log, Form::LengthPrefix, b"new", &mut pool);
    assert_eq!(segment.slice(0, usize::MAX), b"");
    assert_eq!(segment.slice(from, to), b"\0\0\0\x03old");
    log.clear(&mut pool);
    append(&mut log, Form::LengthPrefix, b"newer", &mut pool);
    assert_eq!(segment.slice(from, to), b"\0\0\0\x03old");
}
