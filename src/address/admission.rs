//! Counts each client's connections on the whole server: relaxed atomics that all shards share.

use core::net::IpAddr;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::address::client_of;
use crate::limits::{ADDRESS_SLOTS_MAX, ADDRESS_SLOTS_MIN};

/// Counts connections by address, with IPv6 by the first 64 bits.
///
/// The table has a fixed size. A keyed hash chooses the places of an address, so that no client can
/// choose which address it shares a count with. Each address has two places, and the smaller count
/// is used: a connection is refused wrongly only if other addresses fill both places. With four
/// places for each connection that the server admits, a thousand addresses at their limit and a
/// hundred thousand connections, this happens to about one address in 270,000.
#[derive(Debug)]
pub struct PerAddress {
    /// Two rows of the same length, a power of two.
    counts: [Box<[AtomicU32]>; 2],
    hasher: RandomState,
    max: AtomicU32,
}

impl PerAddress {
    /// Creates a table for up to `connections` connections, of which one address may have `max`.
    pub fn new(max: u32, connections: usize) -> Self {
        let slots = connections
            .saturating_mul(4)
            .clamp(ADDRESS_SLOTS_MIN, ADDRESS_SLOTS_MAX)
            .next_power_of_two();
        let row = || (0..slots).map(|_| AtomicU32::new(0)).collect();
        Self {
            counts: [row(), row()],
            hasher: RandomState::new(),
            max: AtomicU32::new(max),
        }
    }

    /// One address may have so many from now on; those that it has stay.
    pub fn set_max(&self, max: u32) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// Counts one more connection from the address, unless it has its maximum.
    pub fn enter(&self, addr: IpAddr) -> bool {
        let before = self
            .places(addr)
            .map(|count| count.fetch_add(1, Ordering::Relaxed));
        let max = self.max.load(Ordering::Relaxed);
        let is_admitted = before.iter().any(|before| *before < max);
        if !is_admitted {
            self.leave(addr);
        }
        is_admitted
    }

    /// Counts one connection less, which was admitted before.
    pub fn leave(&self, addr: IpAddr) {
        for count in self.places(addr) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn places(&self, addr: IpAddr) -> [&AtomicU32; 2] {
        let hash = self.hasher.hash_one(client_of(addr));
        let [low, high] = [hash & u64::from(u32::MAX), hash >> 32];
        let place = |row: usize, half: u64| {
            let row = &self.counts[row];
            // Half a hash has more bits than the row has places.
            &row[usize::try_from(half).unwrap_or(0) & (row.len() - 1)]
        };
        [place(0, low), place(1, high)]
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    fn addr(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_limit_and_no_more() {
        let table = PerAddress::new(2, 1000);
        let one = addr("192.0.2.1");
        assert!(table.enter(one) && table.enter(one));
        assert!(!table.enter(one) && !table.enter(one));
        table.leave(one);
        assert!(table.enter(one));
        assert!(!table.enter(one));
    }

    #[test]
    fn a_limit_that_is_changed_holds_for_those_that_come() {
        let table = PerAddress::new(1, 1000);
        let one = addr("192.0.2.1");
        assert!(table.enter(one) && !table.enter(one));
        table.set_max(2);
        assert!(table.enter(one) && !table.enter(one));
        table.set_max(1);
        table.leave(one);
        assert!(!table.enter(one));
    }

    #[test]
    fn a_client_is_one_however_it_is_written() {
        let table = PerAddress::new(1, 1000);
        assert!(table.enter(addr("192.0.2.1")));
        assert!(!table.enter(addr("::ffff:192.0.2.1")));
        assert!(table.enter(addr("2001:db8::1")));
        assert!(!table.enter(addr("2001:db8::ffff:2")));
        assert!(table.enter(addr("2001:db8:0:1::1")));
    }

    #[test]
    fn many_addresses_hardly_disturb_one_another() {
        let table = PerAddress::new(3, 20_000);
        let clients =
            || (0..20_000_u32).map(|n| IpAddr::from(Ipv4Addr::from_bits((n << 8) | (n % 7))));
        let refused = clients().filter(|client| !table.enter(*client)).count();
        assert_eq!(refused, 0, "each has one connection of three");
        clients().for_each(|client| table.leave(client));
        let counts = table.counts.iter().flatten();
        assert!(
            counts
                .map(|count| count.load(Ordering::Relaxed))
                .all(|left| left == 0)
        );
    }

    #[test]
    fn shards_share_the_counts() {
        let table = PerAddress::new(1000, 100);
        let one = addr("192.0.2.1");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!((0..250).all(|_| table.enter(one))));
            }
        });
        assert!(!table.enter(one));
    }
}
