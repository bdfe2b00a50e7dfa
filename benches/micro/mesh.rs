//! The cost of lanes and doorbells on one thread, without contention.

use std::sync::Arc;

use corecast::Kind;
use corecast::mesh::{Capacity, Doorbell, lane};
use corecast::payload::Payload;
use criterion::{Criterion, Throughput};

/// Messages of a turn on one lane.
const MESSAGES: usize = 64;
const PAYLOAD: usize = 64;

/// All of this file.
pub(crate) fn benches(criterion: &mut Criterion) {
    lanes(criterion);
    doorbells(criterion);
}

fn lanes(criterion: &mut Criterion) {
    let (sender, receiver) = lane(Capacity {
        messages: MESSAGES,
        bytes: 1 << 20,
    });
    let payload = Payload {
        kind: Kind::Binary,
        bytes: Arc::<[u8]>::from([7; PAYLOAD]),
    };
    let mut group = criterion.benchmark_group("mesh");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function("lane, send and receive", |bencher| {
        bencher.iter(|| {
            for _ in 0..MESSAGES {
                sender.try_send(payload.clone(), PAYLOAD).unwrap();
            }
            let mut received = 0;
            while receiver.try_recv().is_some() {
                received += 1;
            }
            assert_eq!(received, MESSAGES);
            receiver.relieved()
        });
    });
}

fn doorbells(criterion: &mut Criterion) {
    let doorbell = Doorbell::new().unwrap();
    let mut group = criterion.benchmark_group("mesh");
    group.bench_function("doorbell, ring and answer", |bencher| {
        bencher.iter(|| {
            doorbell.ring();
            doorbell.answer()
        });
    });
    doorbell.ring();
    group.bench_function("doorbell, ring again", |bencher| {
        bencher.iter(|| doorbell.ring());
    });
}
