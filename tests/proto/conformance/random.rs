//! Random streams of frames, judged by both decoders.

use corecast::internals::Rng;

use crate::conformance::ends::{frame, ours, theirs};
use crate::conformance::output::{Output, Rule};

/// One side's bytes: mostly legal frames, with a mistake here and there.
fn random_stream(rng: &mut Rng, frame: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.below(12) {
        let opcode = [0x0, 0x0, 0x0, 0x1, 0x1, 0x2, 0x2, 0x9, 0xa, 0x8][rng.below(10)];
        let fin = if opcode < 8 && rng.below(2) == 0 {
            0
        } else {
            0x80
        };
        let len = [0, 1, 5, 60, 130][rng.below(5)];
        let mut payload: Vec<u8> = "aé€💥".bytes().cycle().take(len).collect();
        if opcode == 0x8 && 2 <= len {
            payload[..2].copy_from_slice(&[3, 0xe8 + u8::try_from(rng.below(16)).unwrap()]);
        }
        out.extend(frame(opcode | fin, &payload));
    }
    for _ in 0..rng.below(3) {
        let at = rng.below(out.len());
        if let Some(byte) = out.get_mut(at) {
            *byte ^= 1 << rng.below(8);
        }
    }
    // So that every frame ends and every stream comes to an end: no message begins with zeros, and
    // no frame begins or goes on like the last of these.
    out.extend([0; 2000]);
    out.extend([0x83; 20]);
    out
}

/// Compares what we make of random streams to what they make of them.
pub(super) fn judge_alike(
    frame: fn(u8, &[u8]) -> Vec<u8>,
    ours: fn(&[u8]) -> Vec<Output>,
    theirs: fn(&[u8]) -> Vec<Output>,
) {
    let mut compared = [0; 3];
    for seed in 0..5000 {
        let bytes = random_stream(&mut Rng::new(seed), frame);
        let ours = ours(&bytes);
        let theirs = theirs(&bytes);
        assert!(!ours.is_empty(), "seed {seed}: a stream comes to an end");
        let context = format!("seed {seed}: {ours:?} {theirs:?} {bytes:02x?}");
        let (last, before) = ours.split_last().unwrap();
        let same_before = theirs.get(..before.len()) == Some(before);
        assert!(same_before, "{context}");
        match last {
            // They let these pass, or answer for the application.
            Output::Error(Rule::Length | Rule::ControlLength | Rule::CloseFrame)
            | Output::Close(Some(1014), _) => {
                compared[0] += 1;
            }
            // Where a frame breaks two rules, they look at the payload first.
            Output::Error(_) => {
                assert!(
                    matches!(theirs[before.len()], Output::Error(_)),
                    "{context}"
                );
                compared[1] += 1;
            }
            _ => {
                assert_eq!(ours, theirs, "{context}");
                compared[2] += 1;
            }
        }
    }
    assert!(
        compared.iter().all(|n| 20 < *n),
        "some case hardly occurs: {compared:?}"
    );
}

#[test]
fn random_streams_are_judged_alike() {
    judge_alike(
        frame,
        |bytes| ours([bytes], 300),
        |bytes| theirs(bytes, 300),
    );
}
