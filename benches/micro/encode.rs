//! A payload to the bytes that all subscribers of a form get.

use std::fmt::Write as _;
use std::hint::black_box;

use corecast::payload::{Encoder, Entry, Form, Payload};
use corecast::proto::fossil;
use corecast::proto::ws::deflate::{Inflater, Window};
use corecast::{Compression, Kind};
use criterion::{Criterion, Throughput};

/// All of this file.
pub(crate) fn benches(criterion: &mut Criterion) {
    for (name, form) in [
        ("encode/ws", Form::WebSocket),
        ("encode/length_prefix", Form::LengthPrefix),
        ("encode/sse", Form::Sse),
    ] {
        let mut group = criterion.benchmark_group(name);
        let mut encoder = Encoder::new(Compression::default());
        for (size, len) in [("64 B", 64), ("1 KiB", 1024)] {
            let payload = vec![7; len];
            let mut out = Vec::with_capacity(form.frame_len_max(&entry(Kind::Binary, &payload)));
            group.throughput(Throughput::Bytes(len as u64));
            group.bench_function(size, |bencher| {
                bencher.iter(|| {
                    out.clear();
                    encoder
                        .begin(entry(Kind::Binary, black_box(&payload)))
                        .encode(form, &mut out);
                    black_box(&out);
                });
            });
        }
    }
    deflate(criterion);
    inflate(criterion);
    fossil(criterion);
}

/// The delta between two messages that differ in some of their bytes, and between two of which all
/// pieces are found and none is right.
fn fossil(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode/fossil");
    let mut encoder = fossil::Encoder::default();
    for (size, len) in [
        ("256 B", 256),
        ("1 KiB", 1 << 10),
        ("16 KiB", 16 << 10),
        ("64 KiB", 64 << 10),
    ] {
        let source = telemetry(len);
        let mut target = source.clone();
        target
            .iter_mut()
            .skip(len / 3)
            .step_by(200)
            .for_each(|byte| *byte = b'!');
        let repeated = b"0123456789abcdef".repeat(len / 16);
        let mut worst = repeated[1..].to_vec();
        worst.iter_mut().step_by(17).for_each(|byte| *byte = b'!');
        group.throughput(Throughput::Bytes(len as u64));
        for (what, source, target) in [("changed", &source, &target), ("worst", &repeated, &worst)]
        {
            group.bench_function(format!("{size} {what}"), |bencher| {
                bencher.iter(|| {
                    encoder
                        .encode(black_box(source), black_box(target))
                        .is_some()
                });
            });
        }
    }
}

/// One message for subscribers of one window, of two, of all; the sizes are printed.
#[expect(clippy::print_stdout, reason = "half of the result")]
fn deflate(criterion: &mut Criterion) {
    for level in [1, 2, 3, 6] {
        let mut group = criterion.benchmark_group(format!("encode/deflate {level}"));
        let threshold = 0;
        let mut encoder = Encoder::new(Compression { level, threshold });
        for (size, len) in [("256 B", 256), ("1 KiB", 1024), ("16 KiB", 16 << 10)] {
            let payload = telemetry(len);
            group.throughput(Throughput::Bytes(len as u64));
            for (who, windows) in [
                ("one window", &[Window::Bits15][..]),
                ("two windows", &[Window::Bits15, Window::Bits9]),
                (
                    "three windows",
                    &[Window::Bits15, Window::Bits12, Window::Bits9],
                ),
            ] {
                let mut out = Vec::new();
                let mut encode = || {
                    out.clear();
                    let mut message = encoder.begin(entry(Kind::Text, black_box(&payload)));
                    let forms = windows.iter().map(|window| Form::deflate(*window));
                    forms.for_each(|form| message.encode(form, &mut out));
                    out.len()
                };
                let sent = encode() / windows.len();
                println!("{size}, {who}: {sent} bytes each");
                group.bench_function(format!("{size}, {who}"), |bencher| {
                    bencher.iter(&mut encode);
                });
            }
        }
    }
}

fn inflate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode/inflate");
    let threshold = 0;
    let mut encoder = Encoder::new(Compression {
        level: 6,
        threshold,
    });
    for (size, len) in [("256 B", 256), ("1 KiB", 1024), ("16 KiB", 16 << 10)] {
        let payload = telemetry(len);
        let mut frame = Vec::new();
        let mut message = encoder.begin(entry(Kind::Text, &payload));
        message.encode(Form::deflate(Window::LARGEST), &mut frame);
        let compressed = &frame[if frame[1] < 126 { 2 } else { 4 }..];
        let mut inflater = Inflater::default();
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(size, |bencher| {
            bencher.iter(|| {
                let message = inflater.inflate(Kind::Text, black_box(compressed), 1 << 20);
                black_box(message.map(<[u8]>::len)).unwrap();
            });
        });
    }
}

fn entry(kind: Kind, bytes: &[u8]) -> Entry<'_> {
    Entry::new(None, Payload { kind, bytes }, None).of("topic")
}

/// Readings of some sensors in JSON, cut to `len` bytes.
fn telemetry(len: usize) -> Vec<u8> {
    let mut text = String::from("[");
    let mut seed = 12345_u32;
    while text.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = f64::from(seed >> 16) / 1000.0;
        let id = seed % 97;
        let line = r#"{"sensor":"room-ID/temperature","value":VALUE,"unit":"C","ok":true},"#;
        let line = line.replace("ID", &id.to_string());
        write!(text, "{}", line.replace("VALUE", &value.to_string())).unwrap();
    }
    text.truncate(len);
    text.into_bytes()
}
