//! Deltas are applied by the code that the JavaScript SDK of Centrifuge has.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use corecast::internals::Rng;
use corecast::proto::fossil::Encoder;
use data_encoding::HEXLOWER;

use crate::tools::{has, installed, is_missing, run, script};

#[test]
fn the_applier_of_the_javascript_sdk_makes_the_same_messages() {
    let packages = installed("node_modules");
    let is_there = has("node") && packages.join("fossil-delta").exists();
    if is_missing("fossil-delta for Node", is_there) {
        return;
    }
    let (mut encoder, mut lines, mut count) = (Encoder::default(), String::new(), 0);
    for seed in 0..3_000 {
        let rng = &mut Rng::new(seed);
        let pieces: Vec<Vec<u8>> = (0..6).map(|_| piece(rng)).collect();
        let (source, target) = (message(rng, &pieces), message(rng, &pieces));
        let Some(delta) = encoder.encode(&source, &target) else {
            continue;
        };
        let [source, target, delta] = [&source, &target, delta].map(|it| HEXLOWER.encode(it));
        writeln!(lines, "{source} {target} {delta}").unwrap();
        count += 1;
    }
    assert!(1_000 < count, "{count}");
    let input = Path::new(env!("CARGO_TARGET_TMPDIR")).join("deltas");
    fs::write(&input, lines).unwrap();
    let mut node = Command::new("node");
    node.arg(script("node_fossil.mjs")).arg(packages);
    let applied = run(node.stdin(File::open(input).unwrap()));
    assert_eq!(applied.trim(), count.to_string());
}

/// Random bytes, or letters of which few are different.
fn piece(rng: &mut Rng) -> Vec<u8> {
    let (len, is_random) = (rng.below(120), rng.below(2) == 0);
    let mut byte = || {
        if is_random {
            rng.byte()
        } else {
            b"abc"[rng.below(3)]
        }
    };
    (0..len).map(|_| byte()).collect()
}

/// Some of the pieces, with some bytes between them.
fn message(rng: &mut Rng, pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut message = Vec::new();
    for _ in 0..rng.below(8) {
        message.extend_from_slice(&pieces[rng.below(pieces.len())]);
        message.extend((0..rng.below(4)).map(|_| 7));
    }
    message
}
