//! The encoder of deltas, and an applier that shares nothing with it.

use crate::proto::fossil::Encoder;

/// The digits of numbers, by their values.
const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

/// Two messages, the second made of pieces of the first and of others: the delta makes the one of
/// the other, is shorter, and is a text if both are.
pub(super) fn fossil(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let (source, plan) = rest.split_at(usize::from(*first).min(rest.len()));
    let mut target = Vec::new();
    for step in plan.chunks(2) {
        let [from, len] = [step[0], step[step.len() - 1]].map(usize::from);
        let piece = source.get(from..).unwrap_or(step);
        target.extend_from_slice(&piece[..len.min(piece.len())]);
    }
    let mut encoder = Encoder::default();
    for (source, target) in [
        (source, target.as_slice()),
        (&target, source),
        (source, plan),
    ] {
        let Some(delta) = encoder.encode(source, target) else {
            continue;
        };
        assert!(delta.len() < target.len());
        assert_eq!(apply_delta(source, delta).as_deref(), Some(target));
        let is_text = |bytes| std::str::from_utf8(bytes).is_ok();
        assert!(!is_text(target) || is_text(delta));
    }
}

/// What a delta makes of a message, by the description of the format, if it is one.
pub fn apply_delta(source: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let (len, mut rest) = number(delta)?;
    rest = rest.strip_prefix(b"\n")?;
    let mut target = Vec::new();
    loop {
        let (count, after) = number(rest)?;
        let (command, after) = after.split_first()?;
        match command {
            b'@' => {
                let (from, after) = number(after)?;
                target.extend_from_slice(source.get(from..from + count)?);
                rest = after.strip_prefix(b",")?;
            }
            b':' => {
                let (bytes, after) = after.split_at_checked(count)?;
                target.extend_from_slice(bytes);
                rest = after;
            }
            b';' if count == checksum(&target) && len == target.len() && after.is_empty() => {
                return Some(target);
            }
            _ => return None,
        }
    }
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte);
    let digits = bytes.iter().map_while(digit);
    let (value, len) = digits.fold((0, 0), |(value, len), digit| (value << 6 | digit, len + 1));
    let has_digits = 0 < len && (bytes[0] != b'0' || len == 1);
    has_digits.then(|| (value, &bytes[len..]))
}

/// The sum of all words of four bytes, byte by byte.
fn checksum(bytes: &[u8]) -> usize {
    let bytes = bytes.iter().zip([24, 16, 8, 0].into_iter().cycle());
    let sum = bytes.fold(0, |sum, (byte, shift)| sum + (usize::from(*byte) << shift));
    sum & 0xFFFF_FFFF
}
