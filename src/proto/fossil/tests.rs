use super::*;
use crate::internals::Rng;
use crate::internals::fuzz::apply_delta;

fn encode<'e>(encoder: &'e mut Encoder, source: &[u8], target: &[u8]) -> Option<&'e [u8]> {
    let delta = encoder.encode(source, target)?;
    assert!(delta.len() < target.len());
    assert_eq!(apply_delta(source, delta).as_deref(), Some(target));
    Some(delta)
}

fn delta(source: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    encode(&mut Encoder::default(), source, target).map(<[u8]>::to_vec)
}

fn bytes(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.byte()).collect()
}

/// A message with a random number of `changes`.
fn change(rng: &mut Rng, message: &[u8], changes: usize) -> Vec<u8> {
    let mut changed = message.to_vec();
    for _ in 0..changes {
        let from = rng.below(changed.len() + 1);
        let end = (from + rng.below(20)).min(changed.len());
        let len = rng.below(20);
        let inserted = bytes(rng, len);
        changed.splice(from..end, inserted);
    }
    changed
}

#[test]
fn a_delta_has_the_bytes_of_the_format() {
    let source =
        br#"{"match":17,"home":"Ajax","away":"PSV","score":[0,0],"minute":12,"state":"live"}"#;
    let target =
        br#"{"match":17,"home":"Ajax","away":"PSV","score":[1,0],"minute":13,"state":"live"}"#;
    // 80 bytes: 48 copied from 0, 16 inserted, 16 copied from 64.
    let expected = b"1G\nl@0,G:1,0],\"minute\":13G@10,X88HL;";
    assert_eq!(delta(source, target).unwrap(), expected);
}

#[test]
fn a_message_with_small_changes_has_a_small_delta() {
    let rng = &mut Rng::new(1);
    for len in [200, 1_000, 10_000, DELTA_BYTES_MAX - 20] {
        let source = bytes(rng, len);
        let target = change(rng, &source, 1);
        let len = delta(&source, &target).unwrap().len();
        assert!(len < 80, "{len}");
    }
}

#[test]
fn every_size_of_both_messages_has_a_delta_or_none() {
    let rng = &mut Rng::new(2);
    let (source, other) = (bytes(rng, 100), bytes(rng, 10));
    let target = [&source[..40], &other, &source[40..]].concat();
    let mut encoder = Encoder::default();
    for source_len in 0..source.len() {
        for target_len in 0..target.len() {
            encode(&mut encoder, &source[..source_len], &target[..target_len]);
        }
    }
    for len in 0..300 {
        let target = [&source[..], &vec![7; len]].concat();
        assert!(encode(&mut encoder, &source, &target).is_some());
        assert!(encode(&mut encoder, &target, &source).is_some());
    }
}

#[test]
fn any_changes_of_any_message_are_carried() {
    let mut encoder = Encoder::default();
    for seed in 0..2_000 {
        let rng = &mut Rng::new(seed);
        let longest = [20, 300, 5_000][rng.below(3)];
        let len = rng.below(longest);
        let source = if rng.below(2) == 0 {
            bytes(rng, len)
        } else {
            (0..len).map(|_| b"ab"[rng.below(2)]).collect()
        };
        let changes = rng.below(8);
        let target = change(rng, &source, changes);
        encode(&mut encoder, &source, &target);
        encode(&mut encoder, &target, &source);
    }
}

#[test]
fn a_message_with_nothing_of_the_one_before_has_no_delta() {
    let rng = &mut Rng::new(3);
    let (source, target) = (bytes(rng, 5_000), bytes(rng, 5_000));
    assert_eq!(delta(&source, &target), None);
    for (source, target) in [
        (&b""[..], &b""[..]),
        (b"", b"abc"),
        (b"abc", b""),
        (b"abc", b"abc"),
    ] {
        assert_eq!(delta(source, target), None);
    }
    let same = delta(&source, &source).unwrap();
    assert!(same.starts_with(b"1E8\n1E8@0,") && same.len() < 20);
}

#[test]
fn a_message_that_is_too_long_has_no_delta() {
    let long = vec![7; DELTA_BYTES_MAX + 1];
    assert_eq!(delta(&long, &long[1..]), None);
    assert_eq!(delta(&long[1..], &long), None);
    assert!(delta(&long[1..], &long[1..]).is_some());
}

#[test]
fn the_delta_of_a_text_is_a_text() {
    // Some begin with the same byte, others end with the same.
    let letters: Vec<char> = "aäßé€ì😀À".chars().collect();
    let text = |rng: &mut Rng, len: usize| -> String {
        (0..len)
            .map(|_| letters[rng.below(letters.len())])
            .collect()
    };
    let (mut encoder, mut count) = (Encoder::default(), 0);
    for seed in 0..2_000 {
        let rng = &mut Rng::new(seed);
        let parts: Vec<String> = (0..8).map(|_| text(rng, 20)).collect();
        let [source, target] = [0, 1].map(|_| -> String {
            (0..4)
                .map(|_| parts[rng.below(parts.len())].as_str())
                .collect()
        });
        if let Some(delta) = encode(&mut encoder, source.as_bytes(), target.as_bytes()) {
            assert!(std::str::from_utf8(delta).is_ok(), "seed {seed}");
            count += 1;
        }
    }
    assert!(1_000 < count, "{count}");
}

#[test]
fn messages_that_repeat_themselves_are_compared_a_bounded_number_of_times() {
    let len = DELTA_BYTES_MAX;
    let blocks = |block: &[u8]| block.repeat(len / block.len());
    let mut other = blocks(b"0123456789abcdef");
    // Each block is found, and differs from all of the source after it.
    (16..len).step_by(17).for_each(|at| other[at] = b'!');
    let mut encoder = Encoder::default();
    for (source, target) in [
        (blocks(&[0]), blocks(&[0])),
        (blocks(b"0123456789abcdef"), other),
        (blocks(b"ab"), blocks(b"ba")),
        (blocks(&[0]), blocks(b"0000000000000001")),
        (blocks(b"000000000000000012"), blocks(b"00000000000000013")),
    ] {
        encode(&mut encoder, &source, &target);
        assert!(encoder.out.capacity() <= 2 * DELTA_BYTES_MAX);
    }
    assert!(encoder.blocks.first.capacity() <= 4 * DELTA_BYTES_MAX / BLOCK);
}
