//! What the sockets of a world have got, and should have.

use super::world::World;

impl World {
    /// Numbers of the messages that a socket got, all of them whole but for the last.
    pub(super) fn received(&self, key: usize) -> Vec<usize> {
        let mut bytes = &self.sockets.0[key].got[..];
        let mut received = Vec::new();
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap()) as usize;
        while let Some((head, rest)) = bytes.split_at_checked(8) {
            let (len, message) = (number(&head[..4]), number(&head[4..]));
            assert_eq!(len, self.published[message], "message {message} of {key}");
            let Some((_, rest)) = rest.split_at_checked(len - 4) else {
                break;
            };
            received.push(message);
            bytes = rest;
        }
        assert!(received.is_sorted(), "the order of {key}");
        received
    }

    /// How many messages there were for a connection since it joined.
    pub(super) fn due(&self, key: usize) -> usize {
        self.all_of(key).count()
    }

    /// Whether a connection got each message since it joined, once.
    pub(super) fn has_all(&self, key: usize) -> bool {
        self.received(key) == self.all_of(key).collect::<Vec<_>>()
    }

    /// Whether a member has published a message itself.
    pub(super) fn is_own(&self, key: usize, number: usize) -> bool {
        self.excluded.get(&number) == Some(&key)
    }

    fn all_of(&self, key: usize) -> impl Iterator<Item = usize> {
        let all = self.conns[key].since..self.published.len();
        all.filter(move |number| !self.is_own(key, *number))
    }
}
