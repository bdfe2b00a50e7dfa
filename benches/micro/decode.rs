//! A client's bytes to messages: both protocols, and the mask alone.

use std::hint::black_box;

use corecast::internals::Rng;
use corecast::proto::length_prefix;
use corecast::proto::ws::frame::unmask;
use corecast::proto::ws::{Decoder, Event};
use criterion::{BatchSize, Criterion, Throughput};

/// Messages in one buffer, as one read of a busy connection brings them.
const MESSAGES: usize = 32;
/// Frames that a fragmented message comes in.
const FRAGMENTS: usize = 4;
const MESSAGE_MAX: usize = 1 << 20;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CONTINUATION: u8 = 0;

/// All of this file.
pub(crate) fn benches(criterion: &mut Criterion) {
    let binary = |len| client_frame(BINARY, true, &payload(len));
    let text = |len| client_frame(TEXT, true, &vec![b'x'; len]);
    decode_ws(criterion, "64 B", &binary(64));
    decode_ws(criterion, "1 KiB", &binary(1024));
    decode_ws(criterion, "1 KiB of text", &text(1024));
    decode_ws(criterion, "1 KiB in 4 frames", &fragmented(&payload(1024)));
    for (name, len) in [("64 B", 64), ("1 KiB", 1024)] {
        decode_length_prefix(criterion, name, &payload(len));
    }
    for (name, len) in [("64 B", 64), ("1 KiB", 1 << 10), ("64 KiB", 64 << 10)] {
        remove_mask(criterion, name, payload(len));
    }
}

fn decode_ws(criterion: &mut Criterion, name: &str, message: &[u8]) {
    let input = message.repeat(MESSAGES);
    let mut group = criterion.benchmark_group("decode/ws");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function(name, |bencher| {
        // Unmasked in place, so each run needs masked bytes.
        bencher.iter_batched_ref(
            || (Decoder::default(), input.clone()),
            |(decoder, input)| {
                let messages = decode_all(decoder, input);
                assert_eq!(messages, MESSAGES);
            },
            BatchSize::SmallInput,
        );
    });
}

fn decode_all(decoder: &mut Decoder, input: &mut [u8]) -> usize {
    let (mut at, mut messages) = (0, 0);
    while at < input.len() {
        let step = decoder
            .decode(&mut input[at..], MESSAGE_MAX, false)
            .unwrap();
        at += step.taken;
        if let Some(Event::Message { payload, .. }) = step.event {
            black_box(payload);
            messages += 1;
        }
    }
    messages
}

fn decode_length_prefix(criterion: &mut Criterion, name: &str, payload: &[u8]) {
    let frame = [&length_prefix::header(payload.len())[..], payload].concat();
    let mut input = frame.repeat(MESSAGES);
    let mut group = criterion.benchmark_group("decode/length_prefix");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let mut at = 0;
            while at < input.len() {
                let step = length_prefix::decode(&mut input[at..], MESSAGE_MAX).unwrap();
                let length_prefix::Step::Frame { payload, taken } = step else {
                    break;
                };
                black_box(payload);
                at += taken;
            }
            assert_eq!(at, input.len());
        });
    });
}

fn remove_mask(criterion: &mut Criterion, name: &str, mut payload: Vec<u8>) {
    let mut group = criterion.benchmark_group("unmask");
    group.throughput(Throughput::Bytes(payload.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| unmask(black_box(&mut payload), black_box(KEY), 0));
    });
}

/// Bytes without a pattern.
fn payload(len: usize) -> Vec<u8> {
    let mut rng = Rng::new(len as u64);
    (0..len).map(|_| rng.next_u64().to_ne_bytes()[0]).collect()
}

/// A masked frame, as clients send them.
pub(crate) fn client_frame(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![u8::from(fin) << 7 | opcode];
    match u16::try_from(payload.len()).unwrap() {
        len @ 0..126 => frame.push(0x80 | len.to_be_bytes()[1]),
        len => {
            frame.push(0x80 | 126);
            frame.extend(len.to_be_bytes());
        }
    }
    frame.extend(KEY);
    let start = frame.len();
    frame.extend(payload);
    unmask(&mut frame[start..], KEY, 0);
    frame
}

fn fragmented(payload: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = payload.chunks(payload.len() / FRAGMENTS).collect();
    let last = parts.len() - 1;
    let frames = parts.iter().enumerate().map(|(at, part)| {
        let opcode = if at == 0 { BINARY } else { CONTINUATION };
        client_frame(opcode, at == last, part)
    });
    frames.flatten().collect()
}
