//! Deltas in the format of Fossil (<https://fossil-scm.org>, `delta_format.wiki`): what must be
//! copied of an earlier message, and what inserted, to get the next one.

use crate::limits::{DELTA_BYTES_MAX, DELTA_CANDIDATES_MAX};

/// Bytes of the source that are found at once.
const BLOCK: usize = 16;
/// The shortest common beginning or end that is copied: what the command itself may take.
const EDGE_MIN: usize = 12;
/// No block.
const NONE: u16 = u16::MAX;
/// The digits of numbers, the most significant first.
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

const _: () = assert!(DELTA_BYTES_MAX / BLOCK < NONE as usize);

/// Makes deltas. It keeps the memory that it has needed, at most 152 KiB.
#[derive(Debug, Default)]
pub struct Encoder {
    blocks: Blocks,
    out: Vec<u8>,
}

impl Encoder {
    /// The delta that makes `target` of `source`, if it is shorter than `target` and neither is
    /// longer than `DELTA_BYTES_MAX`. That of a text is a text.
    pub fn encode(&mut self, source: &[u8], target: &[u8]) -> Option<&[u8]> {
        if DELTA_BYTES_MAX < source.len().max(target.len()) {
            return None;
        }
        self.out.clear();
        let mut delta = Delta {
            source,
            target,
            done: 0,
            out: &mut self.out,
        };
        put_number(delta.out, target.len());
        delta.out.push(b'\n');
        let begin = common(source, target);
        if EDGE_MIN <= begin {
            delta.copy(0, 0, begin);
        }
        let end = common_end(source, &target[delta.done..]);
        let end = if end < EDGE_MIN { 0 } else { end };
        let middle = target.len() - end;
        if BLOCK <= middle - delta.done && BLOCK <= source.len() {
            self.blocks.fill(source);
            delta.find_copies(&self.blocks, middle);
        }
        if delta.is_too_long(middle) {
            return None;
        }
        if 0 < end {
            delta.copy(middle, source.len() - end, end);
        }
        delta.insert(target.len());
        put_number(delta.out, checksum(target) as usize);
        delta.out.push(b';');
        Some(self.out.as_slice()).filter(|delta| delta.len() < target.len())
    }
}

/// A delta that is being made.
struct Delta<'d> {
    source: &'d [u8],
    target: &'d [u8],
    /// Bytes of the target that it has.
    done: usize,
    out: &'d mut Vec<u8>,
}

impl Delta<'_> {
    /// Copies what it finds in the source, up to a place in the target, as long as the delta is
    /// shorter than the target.
    fn find_copies(&mut self, blocks: &Blocks, end: usize) {
        let mut at = self.done;
        while let Some(block) = self.target[..end].get(at..).and_then(<[u8]>::first_chunk) {
            let candidates = blocks.find(block).take(DELTA_CANDIDATES_MAX);
            let found = candidates.filter_map(|place| self.extend(at, place, block, end));
            let Some(copy) = found.max_by_key(|copy| copy.len) else {
                at += 1;
                continue;
            };
            if self.is_too_long(copy.to) {
                return;
            }
            self.copy(copy.to, copy.from, copy.len);
            at = self.done;
        }
    }

    /// Whether it is as long as the target, with all that comes before `end`.
    fn is_too_long(&self, end: usize) -> bool {
        self.target.len() <= self.out.len() + (end - self.done)
    }

    /// The copy around a block of the target and the same block of the source, if it is the same.
    fn extend(&self, at: usize, place: usize, block: &[u8; BLOCK], end: usize) -> Option<Copy> {
        let after = self.source[place..].strip_prefix(block)?;
        let forward = common(after, &self.target[at + BLOCK..end]);
        let back = common_end(&self.source[..place], &self.target[self.done..at]);
        Some(Copy {
            to: at - back,
            from: place - back,
            len: back + BLOCK + forward,
        })
    }

    /// Inserts what comes before `to`, then copies, less what begins or ends within a character, so
    /// that each insertion of a text is one. In what is no text, that is at most 3 bytes.
    fn copy(&mut self, to: usize, from: usize, len: usize) {
        let is_within = |at: &usize| self.target.get(*at).is_some_and(|byte| byte >> 6 == 0b10);
        let skipped = (to..to + 3).take_while(is_within).count();
        let kept_back = (0..3).take_while(|back| is_within(&(to + len - back)));
        let len = len - skipped - kept_back.count();
        self.insert(to + skipped);
        put_number(self.out, len);
        self.out.push(b'@');
        put_number(self.out, from + skipped);
        self.out.push(b',');
        self.done += len;
    }

    /// Inserts all that comes before `end`.
    fn insert(&mut self, end: usize) {
        let bytes = &self.target[self.done..end];
        if !bytes.is_empty() {
            put_number(self.out, bytes.len());
            self.out.push(b':');
            self.out.extend_from_slice(bytes);
            self.done = end;
        }
    }
}

/// What of the source is copied to where in the target.
struct Copy {
    to: usize,
    from: usize,
    len: usize,
}

/// The blocks of a source by their hashes.
#[derive(Debug, Default)]
struct Blocks {
    /// The first block with each hash.
    first: Vec<u16>,
    /// After each block, the next with the same hash.
    next: Vec<u16>,
    bits: u32,
}

impl Blocks {
    fn fill(&mut self, source: &[u8]) {
        let (blocks, _) = source.as_chunks::<BLOCK>();
        self.bits = usize::BITS - blocks.len().leading_zeros();
        self.first.clear();
        self.first.resize(1 << self.bits, NONE);
        self.next.clear();
        self.next.resize(blocks.len(), NONE);
        let count = u16::try_from(blocks.len()).unwrap_or(NONE);
        for (index, block) in (0..count).zip(blocks).rev() {
            let hash = self.hash(block);
            self.next[usize::from(index)] = std::mem::replace(&mut self.first[hash], index);
        }
    }

    /// The places of the blocks with the hash of this one, the first before the others.
    fn find(&self, block: &[u8; BLOCK]) -> impl Iterator<Item = usize> {
        let some = |index: u16| (index != NONE).then_some(usize::from(index));
        let next = move |index: &usize| some(self.next[*index]);
        std::iter::successors(some(self.first[self.hash(block)]), next).map(|index| BLOCK * index)
    }

    #[expect(clippy::cast_possible_truncation, reason = "some bits of the hash")]
    fn hash(&self, block: &[u8; BLOCK]) -> usize {
        let word = u128::from_le_bytes(*block);
        let [low, high] = [word as u64, (word >> 64) as u64];
        let mixed = low.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ high;
        (mixed.wrapping_mul(0xC2B2_AE3D_27D4_EB4F) >> (u64::BITS - self.bits)) as usize
    }
}

/// How many bytes two slices have in common at their beginning.
fn common(left: &[u8], right: &[u8]) -> usize {
    let (left, right) = shorten(left, right, |bytes, len| &bytes[..len]);
    let (lefts, _) = left.as_chunks::<8>();
    let (rights, _) = right.as_chunks::<8>();
    let words = lefts
        .iter()
        .zip(rights)
        .take_while(|(left, right)| left == right);
    let from = 8 * words.count();
    let bytes = left[from..].iter().zip(&right[from..]);
    from + bytes.take_while(|(left, right)| left == right).count()
}

/// How many bytes two slices have in common at their end.
fn common_end(left: &[u8], right: &[u8]) -> usize {
    let (left, right) = shorten(left, right, |bytes, len| &bytes[bytes.len() - len..]);
    let (_, lefts) = left.as_rchunks::<8>();
    let (_, rights) = right.as_rchunks::<8>();
    let words = lefts.iter().zip(rights).rev();
    let from = 8 * words.take_while(|(left, right)| left == right).count();
    let bytes = left[..left.len() - from]
        .iter()
        .zip(&right[..right.len() - from]);
    from + bytes
        .rev()
        .take_while(|(left, right)| left == right)
        .count()
}

type Part = for<'b> fn(&'b [u8], usize) -> &'b [u8];

fn shorten<'b>(left: &'b [u8], right: &'b [u8], part: Part) -> (&'b [u8], &'b [u8]) {
    let len = left.len().min(right.len());
    (part(left, len), part(right, len))
}

/// The sum of all words of four bytes, the most significant first.
fn checksum(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain([&last]);
    words.fold(0, |sum: u32, word| {
        sum.wrapping_add(u32::from_be_bytes(*word))
    })
}

fn put_number(out: &mut Vec<u8>, number: usize) {
    let digits = (usize::BITS - (number | 1).leading_zeros()).div_ceil(6);
    for digit in (0..digits).rev() {
        out.push(DIGITS[number >> (6 * digit) & 63]);
    }
}

#[cfg(test)]
mod tests;
