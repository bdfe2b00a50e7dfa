//! A payload to the bytes that all subscribers of a form get.

use std::hint::black_box;

use corecast::Kind;
use corecast::payload::Form;
use criterion::{Criterion, Throughput};

/// All of this file.
pub(crate) fn benches(criterion: &mut Criterion) {
    for (name, form) in [
        ("encode/ws", Form::WebSocket),
        ("encode/length_prefix", Form::LengthPrefix),
        ("encode/sse", Form::Sse),
    ] {
        let mut group = criterion.benchmark_group(name);
        for (size, len) in [("64 B", 64), ("1 KiB", 1024)] {
            let payload = vec![7; len];
            let mut out = Vec::with_capacity(form.frame_len_max(Kind::Binary, &payload));
            group.throughput(Throughput::Bytes(len as u64));
            group.bench_function(size, |bencher| {
                bencher.iter(|| {
                    out.clear();
                    form.encode(&mut out, Kind::Binary, black_box(&payload));
                    black_box(&out);
                });
            });
        }
    }
}
