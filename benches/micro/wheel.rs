//! The timing wheel with as many entries as a full shard has connections.

use std::time::Duration;

use corecast::limits::TIMEOUTS_PER_TURN;
use corecast::time::{Now, Wheel};
use criterion::{BatchSize, Criterion, Throughput};

const ENTRIES: u32 = 100_000;
/// Deadlines are spread over this long, less than the wheel's horizon.
const SPREAD_MS: u64 = 30_000;

/// All of this file.
pub(crate) fn benches(criterion: &mut Criterion) {
    let start = Now::from_millis(0);
    let mut group = criterion.benchmark_group("wheel");
    group.throughput(Throughput::Elements(u64::from(ENTRIES)));
    group.bench_function("arm", |bencher| {
        bencher.iter_batched_ref(|| Wheel::new(start), arm_all, BatchSize::LargeInput);
    });
    group.bench_function("expire", |bencher| {
        let full = || {
            let mut wheel = Wheel::new(start);
            arm_all(&mut wheel);
            wheel
        };
        bencher.iter_batched_ref(full, expire_all, BatchSize::LargeInput);
    });
}

fn arm_all(wheel: &mut Wheel<u32>) {
    for key in 0..ENTRIES {
        wheel.arm(key, Now::from_millis(u64::from(key) * 7919 % SPREAD_MS));
    }
}

/// Turn by turn, as a shard that was asleep until all deadlines had passed.
fn expire_all(wheel: &mut Wheel<u32>) {
    let now = Now::from_millis(0).plus(Duration::from_millis(SPREAD_MS + 1000));
    let (mut expired, mut all) = (Vec::new(), 0);
    loop {
        wheel.take_expired(now, TIMEOUTS_PER_TURN, &mut expired);
        if expired.is_empty() {
            break;
        }
        all += expired.len();
        expired.clear();
    }
    assert_eq!(all, ENTRIES as usize);
}
