//! Dealing: the shard that accepts for all hands each connection to the one that has the fewest.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;

use crate::id::ShardId;
use crate::shard::shell::status::Shared;
use crate::sys::handoff::{self, Handoff};

/// The shard that accepts for all.
#[derive(Debug)]
pub(crate) struct Dealer {
    /// To each shard, this one included.
    handoffs: Arc<[Handoff]>,
    /// Those that take no more until they are reported writable.
    full: Vec<bool>,
    /// Accepted, with the place of its listener, and not dealt yet.
    in_hand: Option<(OwnedFd, u16)>,
    /// Where the search for the shard with the fewest begins, so that equal ones take turns.
    next: usize,
}

impl Dealer {
    /// Deals to these, each of which is registered with one of the tokens.
    ///
    /// # Errors
    ///
    /// Out of memory for the registrations.
    pub(crate) fn new(
        handoffs: Arc<[Handoff]>,
        tokens: impl Iterator<Item = Token>,
        registry: &Registry,
    ) -> io::Result<Self> {
        for (handoff, token) in handoffs.iter().zip(tokens) {
            let mut source = SourceFd(&handoff.giving());
            registry.register(&mut source, token, Interest::WRITABLE)?;
        }
        Ok(Self {
            full: vec![false; handoffs.len()],
            handoffs,
            in_hand: None,
            next: 0,
        })
    }

    /// Whether nobody has room for what is in hand.
    pub(crate) fn is_stuck(&self) -> bool {
        self.in_hand.is_some() && self.full.iter().all(|full| *full)
    }

    /// A shard may have room again.
    pub(crate) fn note_room(&mut self, shard: usize) {
        if let Some(full) = self.full.get_mut(shard) {
            *full = false;
        }
    }

    /// Deals a connection; if nobody has room for it, it stays in hand.
    ///
    /// # Errors
    ///
    /// As [`go_on`](Self::go_on), and it stays in hand.
    pub(crate) fn deal(
        &mut self,
        connection: OwnedFd,
        listener: u16,
        shared: &Shared,
    ) -> Result<(), Errno> {
        self.in_hand = Some((connection, listener));
        self.go_on(shared)
    }

    /// Deals what is in hand, if there is room for it now.
    ///
    /// # Errors
    ///
    /// The kernel carries no more, and will not tell when it does: it is out of memory, or as many
    /// descriptors are on their way as the user may have open.
    pub(crate) fn go_on(&mut self, shared: &Shared) -> Result<(), Errno> {
        while let Some((connection, listener)) = &self.in_hand
            && let Some((shard, handoff)) = self.choose(shared)
        {
            match handoff::give(handoff.giving(), connection, *listener) {
                Ok(()) => {
                    self.in_hand = None;
                    self.next = usize::from(shard) + 1;
                    shared.add_load(shard);
                }
                Err(Errno::INTR) => {}
                // A shard that is gone takes none either.
                Err(Errno::AGAIN | Errno::PIPE) => self.full[usize::from(shard)] = true,
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Gives up what is in hand: who deals serves it itself.
    pub(crate) fn keep(&mut self) -> Option<(OwnedFd, u16)> {
        self.in_hand.take()
    }

    /// Whether nothing is in hand.
    pub(crate) fn has_hands_free(&self) -> bool {
        self.in_hand.is_none()
    }

    /// Tells all shards that they have had everything.
    pub(crate) fn end(self) {
        for handoff in self.handoffs.iter() {
            handoff::end(handoff.giving());
        }
    }

    /// Who has the fewest connections of those with room.
    fn choose(&self, shared: &Shared) -> Option<(ShardId, &Handoff)> {
        let count = self.handoffs.len();
        let in_turn = (0..count).map(|step| (self.next + step) % count);
        let with_room = in_turn.filter(|shard| !self.full[*shard]);
        let shards = with_room.filter_map(|shard| ShardId::try_from(shard).ok());
        let shard = shards.min_by_key(|shard| (shared.is_scarce(*shard), shared.load(*shard)))?;
        Some((shard, &self.handoffs[usize::from(shard)]))
    }
}

/// Who deals.
pub(crate) const DEALER: usize = 0;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use mio::Poll;

    use super::*;

    const SHARDS: ShardId = 3;

    fn dealer() -> (Dealer, Shared, Poll) {
        let handoffs = (0..SHARDS).map(|_| Handoff::new(4 << 10).unwrap());
        let poll = Poll::new().unwrap();
        let tokens = (0..).map(Token);
        let dealer = Dealer::new(handoffs.collect(), tokens, poll.registry()).unwrap();
        let shared = Shared::new(SHARDS, usize::MAX, None);
        (dealer, shared, poll)
    }

    fn connection() -> OwnedFd {
        UnixStream::pair().unwrap().0.into()
    }

    fn loads(shared: &Shared) -> Vec<usize> {
        (0..SHARDS).map(|shard| shared.load(shard)).collect()
    }

    #[test]
    fn whoever_has_the_fewest_gets_the_next() {
        let (mut dealer, shared, _poll) = dealer();
        (0..4).for_each(|_| shared.add_load(1));
        for _ in 0..6 {
            dealer.deal(connection(), 0, &shared).unwrap();
        }
        assert_eq!(loads(&shared), [3, 4, 3]);
        shared.take_load(1);
        shared.take_load(1);
        dealer.deal(connection(), 0, &shared).unwrap();
        assert_eq!(loads(&shared), [3, 3, 3]);
    }

    #[test]
    fn what_nobody_has_room_for_stays_in_hand() {
        let (mut dealer, shared, _poll) = dealer();
        let mut dealt = 0;
        while dealer.has_hands_free() {
            dealer.deal(connection(), 5, &shared).unwrap();
            dealt += 1;
        }
        assert!(dealer.is_stuck());
        assert_eq!(loads(&shared).iter().sum::<usize>(), dealt - 1);
        let taking = dealer.handoffs[2].taking();
        handoff::take(taking).unwrap().unwrap();
        dealer.note_room(2);
        assert!(!dealer.is_stuck());
        dealer.go_on(&shared).unwrap();
        assert!(dealer.has_hands_free(), "it went to the one with room");
    }

    #[test]
    fn who_has_no_descriptors_is_left_out_while_others_have_room() {
        let (mut dealer, shared, _poll) = dealer();
        shared.set_scarce(1, true);
        for _ in 0..4 {
            dealer.deal(connection(), 0, &shared).unwrap();
        }
        assert_eq!(loads(&shared), [2, 0, 2]);
        shared.set_scarce(1, false);
        dealer.deal(connection(), 0, &shared).unwrap();
        assert_eq!(loads(&shared), [2, 1, 2]);
    }

    #[test]
    fn who_is_gone_is_left_out_and_what_is_in_hand_can_be_kept() {
        let (mut dealer, shared, _poll) = dealer();
        for handoff in dealer.handoffs.iter() {
            handoff::refuse(handoff.taking());
        }
        dealer.deal(connection(), 3, &shared).unwrap();
        assert!(dealer.is_stuck());
        let (_, listener) = dealer.keep().unwrap();
        assert_eq!((listener, dealer.has_hands_free()), (3, true));
        assert_eq!(loads(&shared), [0; SHARDS as usize]);
    }

    #[test]
    fn everybody_is_told_the_end_after_the_last() {
        let (mut dealer, shared, _poll) = dealer();
        dealer.deal(connection(), 0, &shared).unwrap();
        let handoffs = Arc::clone(&dealer.handoffs);
        dealer.end();
        let taken = handoffs.iter().map(|handoff| {
            let mut count = 0;
            while handoff::take(handoff.taking()).unwrap().is_some() {
                count += 1;
            }
            count
        });
        assert_eq!(taken.sum::<usize>(), 1);
    }
}
