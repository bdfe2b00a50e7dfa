//! The wheel against a list that is searched.

use super::{SLOT_KEPT, SLOTS, TICK_MS, Wheel};
use crate::time::{Now, Stamp};

const HORIZON_MS: u64 = SLOTS as u64 * TICK_MS;

/// A small generator (splitmix64), so that a failure can be replayed from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

fn expired(wheel: &mut Wheel<u32>, now: u64, budget: usize) -> Vec<(u32, Stamp)> {
    let mut expired = Vec::new();
    wheel.take_expired(Now::from_millis(now), budget, &mut expired);
    expired
}

/// Runs random operations on the wheel and on a plain list of what is armed.
fn check(seed: u64) {
    let mut random = Random(seed);
    let mut now = random.below(1 << 37);
    let mut wheel = Wheel::new(Now::from_millis(now));
    let mut armed: Vec<(u32, Stamp)> = Vec::new();
    // What a budget left over keeps the wheel's horizon in the past.
    let mut caught_up = true;
    for step in 0..2_000 {
        let context = || format!("seed {seed:#x}, step {step}");
        for key in 0..random.below(8) {
            let at = match random.below(4) {
                0 => now.saturating_sub(random.below(10_000)),
                1 => now + random.below(3 * HORIZON_MS),
                _ => now + random.below(HORIZON_MS),
            };
            let key = u32::try_from(key).unwrap();
            let tick = wheel.tick_of(Now::from_millis(at));
            assert_eq!(tick, wheel.arm(key, Now::from_millis(at)), "{}", context());
            let due = tick.moment().millis();
            let soon = at.max(now) + 2 * TICK_MS;
            assert!(due < soon, "at most a tick late, {}", context());
            let within = at + 2 * TICK_MS < now + HORIZON_MS;
            assert!(at <= due || !within || !caught_up, "early, {}", context());
            armed.push((key, tick));
        }
        now += match random.below(64) {
            0 => random.below(100 * HORIZON_MS),
            1..10 => random.below(HORIZON_MS),
            _ => random.below(3 * TICK_MS),
        };
        let budget = usize::try_from(random.below(20)).unwrap();
        let handed = expired(&mut wheel, now, budget);
        assert!(handed.len() <= budget, "{}", context());
        assert!(handed.is_sorted_by_key(|entry| entry.1), "{}", context());
        for entry in &handed {
            let place = armed.iter().position(|known| known == entry);
            armed.swap_remove(place.unwrap_or_else(|| panic!("{entry:?}, {}", context())));
            assert!(entry.1.moment().millis() <= now, "early, {}", context());
        }
        let next = armed.iter().map(|entry| entry.1.moment().millis()).min();
        assert_eq!(
            wheel.next_deadline().map(Now::millis),
            next,
            "{}",
            context()
        );
        caught_up = handed.len() < budget;
        if caught_up {
            assert!(next.is_none_or(|at| now < at), "skipped, {}", context());
        }
    }
    let rest = expired(&mut wheel, now + HORIZON_MS, usize::MAX);
    assert_eq!(rest.len(), armed.len(), "seed {seed:#x}: nothing is lost");
}

#[test]
fn agrees_with_a_list_that_is_searched() {
    if let Ok(seed) = std::env::var("WHEEL_SEED") {
        return check(u64::from_str_radix(seed.trim_start_matches("0x"), 16).unwrap());
    }
    for seed in 0..200 {
        check(seed);
    }
}

#[test]
fn a_deadline_is_never_early_and_less_than_a_tick_late() {
    for at in 0..4 * TICK_MS {
        let mut wheel = Wheel::new(Now::default());
        wheel.arm(7, Now::from_millis(at));
        let first = (0..).find(|now| !expired(&mut wheel, *now, 1).is_empty());
        let late = first.unwrap() - at;
        assert!(late < TICK_MS, "at {at} it came {late} ms late");
    }
}

#[test]
fn a_deadline_beyond_the_horizon_comes_early_and_is_armed_again() {
    let mut wheel = Wheel::new(Now::default());
    let at = Now::from_millis(2 * HORIZON_MS);
    let mut tick = wheel.arm(7, at);
    let mut looks = 0;
    while let Some(now) = wheel.next_deadline() {
        assert_eq!(expired(&mut wheel, now.millis(), 9), [(7, tick)]);
        looks += 1;
        if now < at {
            tick = wheel.arm(7, at);
        }
    }
    assert_eq!(looks, 3);
    assert_eq!(tick.moment().millis(), at.millis());
}

#[test]
fn arming_for_the_past_does_not_overtake_what_is_due() {
    let mut wheel = Wheel::new(Now::default());
    for key in 0..3 {
        wheel.arm(key, Now::from_millis(TICK_MS));
    }
    let now = 10 * TICK_MS;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let handed = expired(&mut wheel, now, 1);
        wheel.arm(99, Now::from_millis(0));
        seen.extend(handed.into_iter().map(|(key, _)| key));
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
}

#[test]
fn a_budget_of_nothing_hands_out_nothing() {
    let mut wheel = Wheel::new(Now::default());
    wheel.arm(7, Now::default());
    assert_eq!(expired(&mut wheel, HORIZON_MS, 0), []);
    assert_eq!(
        expired(&mut wheel, HORIZON_MS, 1),
        [(7, Now::default().stamp())]
    );
}

#[test]
fn the_end_of_time_is_survived() {
    let mut wheel = Wheel::new(Now::from_millis(u64::MAX));
    wheel.arm(7, Now::from_millis(u64::MAX));
    assert!(wheel.next_deadline().is_some());
    expired(&mut wheel, u64::MAX, 9);
    wheel.arm(8, Now::from_millis(u64::MAX));
    expired(&mut wheel, u64::MAX, 9);
}

#[test]
fn a_burst_gives_its_memory_back() {
    let mut wheel = Wheel::new(Now::default());
    for key in 0..10_000 {
        wheel.arm(key, Now::from_millis(TICK_MS));
    }
    assert_eq!(expired(&mut wheel, TICK_MS, 10_001).len(), 10_000);
    let kept: usize = wheel.slots.iter().map(Vec::capacity).sum();
    assert!(kept + wheel.due.capacity() <= SLOT_KEPT);
}
