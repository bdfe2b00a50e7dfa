//! The lanes and doorbells between shards, over which all messages between threads go.
//!
//! It knows nothing of topics. For each ordered pair of shards there are two lanes, so that shards
//! cannot wait for each other in a circle: one carries what a shard asks of homes on the other, and
//! one carries what a home sends. A home may leave its *to-home* lanes full until there is space on
//! the *from-home* lanes to its peers. *From-home* lanes wait only for the peer's own work.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use crate::id::ShardId;
use crate::sys::eventfd::EventFd;

pub mod backplane;
mod capacity;
mod doorbell;
mod lane;
#[cfg(test)]
#[cfg(loom)]
mod model;
mod outside;
mod returns;
mod sync;

pub use capacity::Capacity;
pub use doorbell::{Bell, Doorbell, Wake};
pub use lane::{LaneReceiver, LaneSender, Refused, lane};
pub use outside::{Outside, OutsideReceiver};
pub use returns::{ReturnReceiver, ReturnSender, returns};

/// The parts of the mesh for the starting thread to distribute. `A` is the mail to homes, `B` the
/// mail from homes.
#[derive(Debug)]
pub struct Mesh<A, B, W = EventFd> {
    /// One for each shard, in order.
    pub ports: Vec<Port<A, B, W>>,
    /// For threads that are not shards.
    pub outside: Outside<A, W>,
    /// The doorbells. The starting thread must drop them last: their descriptors are in its table,
    /// and a shard with its own table would close only its copies.
    pub doorbells: Arc<[Doorbell<W>]>,
}

/// One shard's side of the mesh.
#[derive(Debug)]
pub struct Port<A, B, W = EventFd> {
    shard: ShardId,
    /// The peers in order, without this shard.
    peers: Vec<Peer<A, B>>,
    outside: OutsideReceiver<A>,
    doorbells: Arc<[Doorbell<W>]>,
}

/// The four lanes between a shard and one peer.
#[derive(Debug)]
pub struct Peer<A, B> {
    /// The peer.
    pub shard: ShardId,
    /// Mail to homes on the peer.
    pub to_home: LaneSender<A>,
    /// Mail from the peer to homes on this shard.
    pub asked: LaneReceiver<A>,
    /// Mail from homes on this shard to the peer.
    pub from_home: LaneSender<B>,
    /// Mail from homes on the peer.
    pub told: LaneReceiver<B>,
}

/// Connects `shards` shards with each other and with threads outside. Lanes between shards have the
/// capacity `between`, those from outside `outside`.
///
/// # Errors
///
/// The process has no descriptors left: each shard needs one.
pub fn build<A, B>(shards: u16, between: Capacity, outside: Capacity) -> io::Result<Mesh<A, B>> {
    let wakes = (0..shards).map(|_| EventFd::new());
    let wakes = wakes.collect::<io::Result<_>>()?;
    Ok(build_over(wakes, between, outside))
}

/// The same for as many shards as there are `wakes`, whose polls these end.
pub fn build_over<A, B, W: Wake>(
    wakes: Vec<W>,
    between: Capacity,
    outside: Capacity,
) -> Mesh<A, B, W> {
    let doorbells: Arc<[Doorbell<W>]> = wakes.into_iter().map(Doorbell::over).collect();
    let shards: Vec<ShardId> = (0..).map(ShardId::new).take(doorbells.len()).collect();
    let peers = shards.iter().map(|_| Vec::with_capacity(shards.len()));
    let mut peers: Vec<Vec<Peer<A, B>>> = peers.collect();
    for &low in &shards {
        for &high in &shards[low.index() + 1..] {
            let (of_low, of_high) = connect(low, high, between);
            peers[low.index()].push(of_low);
            peers[high.index()].push(of_high);
        }
    }
    let (inlets, outlets): (Vec<_>, Vec<_>) =
        shards.iter().map(|_| outside::inlet(outside)).unzip();
    let ports = shards.into_iter().zip(peers.into_iter().zip(outlets));
    let ports = ports
        .map(|(shard, (peers, outside))| Port {
            shard,
            peers,
            outside,
            doorbells: Arc::clone(&doorbells),
        })
        .collect();
    Mesh {
        ports,
        outside: Outside::new(inlets, Arc::clone(&doorbells)),
        doorbells,
    }
}

impl<A, B> Mesh<A, B> {
    /// The descriptors that every shard must keep, to ring and to be rung.
    pub fn descriptors(&self) -> Vec<RawFd> {
        self.doorbells.iter().map(AsRawFd::as_raw_fd).collect()
    }
}

impl<A, B, W: Wake> Port<A, B, W> {
    /// This shard.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The lanes between this shard and another; `None` for itself.
    pub fn peer(&self, shard: ShardId) -> Option<&Peer<A, B>> {
        let before = usize::from(self.shard < shard);
        self.peers
            .get(shard.index().checked_sub(before)?)
            .filter(|peer| peer.shard == shard)
    }

    /// All peers, in order.
    pub fn peers(&self) -> &[Peer<A, B>] {
        &self.peers
    }

    /// The lane from threads outside.
    pub fn outside(&self) -> &OutsideReceiver<A> {
        &self.outside
    }

    /// This shard's own doorbell. Poll it edge-triggered, and answer it before looking at any lane.
    pub fn doorbell(&self) -> Option<&Doorbell<W>> {
        self.doorbells.get(self.shard.index())
    }

    /// A bell that wakes this shard from any thread, without keeping the doorbells alive.
    pub fn bell(&self) -> Bell<W> {
        Bell::new(&self.doorbells, self.shard)
    }

    /// Wakes a shard. Call it after the last message to it in this turn.
    pub fn ring(&self, shard: ShardId) {
        if let Some(doorbell) = self.doorbells.get(shard.index()) {
            doorbell.ring();
        }
    }

    /// Rings the senders that found a lane to this shard full, if it has space again. Call it once
    /// a turn, after taking messages.
    pub fn relieve(&self) {
        for peer in &self.peers {
            let asks_again = peer.asked.relieved();
            if peer.told.relieved() || asks_again {
                self.ring(peer.shard);
            }
        }
        self.outside.relieve();
    }
}

/// Both ends of the four lanes between two shards.
fn connect<A, B>(low: ShardId, high: ShardId, capacity: Capacity) -> (Peer<A, B>, Peer<A, B>) {
    let (low_asks, asked_of_high) = lane(capacity);
    let (high_asks, asked_of_low) = lane(capacity);
    let (low_tells, told_to_high) = lane(capacity);
    let (high_tells, told_to_low) = lane(capacity);
    let of_low = Peer {
        shard: high,
        to_home: low_asks,
        asked: asked_of_low,
        from_home: low_tells,
        told: told_to_low,
    };
    let of_high = Peer {
        shard: low,
        to_home: high_asks,
        asked: asked_of_high,
        from_home: high_tells,
        told: told_to_high,
    };
    (of_low, of_high)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    const SMALL: Capacity = Capacity {
        messages: 2,
        bytes: 100,
    };

    /// From which shard to which; mail from homes has a mark.
    type Asked = (ShardId, ShardId);
    type Told = (ShardId, ShardId, bool);

    const ID: [ShardId; 3] = [ShardId::new(0), ShardId::new(1), ShardId::new(2)];

    fn mesh(shards: u16) -> Mesh<Asked, Told> {
        build(shards, SMALL, SMALL).unwrap()
    }

    fn is_rung(port: &Port<Asked, Told>) -> bool {
        port.doorbell().unwrap().answer()
    }

    #[test]
    fn every_pair_has_lanes_of_its_own_in_both_directions() {
        for shards in 1..6 {
            let mesh = mesh(shards);
            for (from, port) in ShardId::all(shards).zip(&mesh.ports) {
                assert_eq!(port.shard(), from);
                for peer in port.peers() {
                    peer.to_home.try_send((from, peer.shard), 1).unwrap();
                    let told = (from, peer.shard, true);
                    peer.from_home.try_send(told, 1).unwrap();
                }
            }
            for (to, port) in ShardId::all(shards).zip(&mesh.ports) {
                assert!(port.peer(to).is_none(), "no lane to itself");
                assert!(port.peer(ShardId::new(shards)).is_none());
                for from in ShardId::all(shards).filter(|from| *from != to) {
                    let peer = port.peer(from).unwrap();
                    assert_eq!(peer.asked.try_recv(), Some((from, to)));
                    assert_eq!(peer.told.try_recv(), Some((from, to, true)));
                }
            }
        }
    }

    #[test]
    fn the_outside_reaches_every_shard() {
        let mesh = mesh(3);
        for to in ShardId::all(3) {
            mesh.outside.try_send(to, (ID[1], to), 1).unwrap();
        }
        for (to, port) in ShardId::all(3).zip(&mesh.ports) {
            assert!(is_rung(port));
            assert_eq!(port.outside().try_recv(), Some((ID[1], to)));
        }
    }

    #[test]
    fn a_ring_reaches_the_shard_it_is_meant_for() {
        let mesh = mesh(3);
        mesh.ports[0].ring(ID[2]);
        let rung: Vec<bool> = mesh.ports.iter().map(is_rung).collect();
        assert_eq!(rung, [false, false, true]);
        mesh.outside.ring(ID[1]);
        let rung: Vec<bool> = mesh.ports.iter().map(is_rung).collect();
        assert_eq!(rung, [false, true, false]);
    }

    #[test]
    fn a_sender_that_found_a_lane_full_is_rung_when_the_lane_is_emptied() {
        let mesh = mesh(3);
        let [asker, home, other] = &mesh.ports[..] else {
            panic!("three ports");
        };
        let lane = &asker.peer(ID[1]).unwrap().to_home;
        while lane.ready() {
            lane.try_send((ID[0], ID[1]), 1).unwrap();
        }
        home.relieve();
        assert!(!is_rung(asker), "nothing was taken");
        while home.peer(ID[0]).unwrap().asked.try_recv().is_some() {}
        home.relieve();
        assert!(is_rung(asker));
        assert!(!is_rung(other));
    }

    #[test]
    fn every_doorbell_has_a_descriptor_to_keep() {
        let mesh = mesh(4);
        let mut descriptors = mesh.descriptors();
        descriptors.sort_unstable();
        descriptors.dedup();
        assert_eq!(descriptors.len(), 4);
    }
}
