//! Every fuzz body over its corpus and some thousand seeded mutations of it, on stable.
//!
//! `FUZZ_SEEDS=1000000 cargo test --release --test proto fuzz` looks longer, and
//! `FUZZ_SEED=1234 cargo test --test proto fuzz::ws` replays one seed.

#![expect(clippy::print_stdout, reason = "a failure names its input")]

use std::env;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::thread;

use corecast::internals::Rng;
use corecast::internals::fuzz::{BODIES, Body};

#[test]
fn length_prefix() {
    smoke("length_prefix");
}

#[test]
fn line() {
    smoke("line");
}

#[test]
fn varint() {
    smoke("varint");
}

#[test]
fn proxy() {
    smoke("proxy");
}

#[test]
fn ws() {
    smoke("ws");
}

#[test]
fn ws_server() {
    smoke("ws_server");
}

#[test]
fn ws_extensions() {
    smoke("ws_extensions");
}

#[test]
fn ws_inflate() {
    smoke("ws_inflate");
}

#[test]
fn http_answer() {
    smoke("http_answer");
}

#[test]
fn http_body() {
    smoke("http_body");
}

#[test]
fn http_head() {
    smoke("http_head");
}

#[test]
fn positions() {
    smoke("positions");
}

#[test]
fn centrifuge() {
    smoke("centrifuge");
}

#[test]
fn fossil() {
    smoke("fossil");
}

#[test]
fn utf8() {
    smoke("utf8");
}

#[test]
fn topic_path() {
    smoke("topic_path");
}

#[test]
fn every_body_has_a_corpus_and_every_corpus_a_body() {
    let mut found: Vec<String> = fs::read_dir(corpus_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected = BODIES.map(|(name, _)| name);
    found.sort();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn every_body_is_a_target_of_libfuzzer() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let targets = manifest.split("[[bin]]").skip(1);
    let named = targets.map(|target| target.split('"').nth(1).unwrap());
    assert!(named.eq(BODIES.map(|(name, _)| name)));
}

fn smoke(target: &'static str) {
    let body = BODIES.iter().find(|(name, _)| *name == target).unwrap().1;
    let corpus = read_corpus(target);
    for (name, data) in &corpus {
        run(body, data, format!("{target}: corpus file {name}"));
    }
    for seed in seeds() {
        let data = mutated(&corpus, &mut Rng::new(seed));
        run(body, &data, format!("{target}: FUZZ_SEED={seed}"));
    }
}

fn seeds() -> Range<u64> {
    let number = |name| {
        env::var(name)
            .ok()
            .map(|value| value.parse::<u64>().unwrap())
    };
    match number("FUZZ_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FUZZ_SEEDS").unwrap_or(3000),
    }
}

/// Runs a body; if it panics, says with what.
fn run(body: Body, data: &[u8], what: String) {
    let _report = Report(what);
    body(data);
}

struct Report(String);

impl Drop for Report {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("failed with {}", self.0);
        }
    }
}

fn corpus_dir() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"))
}

/// File names and contents, in the order of names, so that seeds mean the same everywhere.
fn read_corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(corpus_dir().join(target))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

/// One of the files, or the beginning of one and the end of another, with a few mistakes.
fn mutated(corpus: &[(String, Vec<u8>)], rng: &mut Rng) -> Vec<u8> {
    let mut data = corpus[rng.below(corpus.len())].1.clone();
    if rng.below(3) == 0 {
        let other = &corpus[rng.below(corpus.len())].1;
        data.truncate(rng.below(data.len() + 1));
        data.extend_from_slice(&other[rng.below(other.len())..]);
    }
    for _ in 0..rng.below(5) {
        mutate(&mut data, rng);
    }
    data
}

fn mutate(data: &mut Vec<u8>, rng: &mut Rng) {
    let start = rng.below(data.len());
    let end = start + rng.below((data.len() - start).min(20) + 1);
    match rng.below(6) {
        0 => data.truncate(end),
        1 => drop(data.drain(start..end)),
        2 => {
            let copy = data[start..end].to_vec();
            data.splice(start..start, copy);
        }
        3 => data.insert(start, rng.byte()),
        kind => {
            let edges = [
                0, 1, 0x7d, 0x7e, 0x7f, 0x80, 0xfe, 0xff, b'\r', b'\n', b'%', b' ',
            ];
            if let Some(byte) = data.get_mut(start) {
                *byte = if kind == 4 {
                    *byte ^ 1 << rng.below(8)
                } else {
                    edges[rng.below(12)]
                };
            }
        }
    }
}
