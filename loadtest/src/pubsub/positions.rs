//! Where connections stand that come back to where they were: the subprotocol
//! `corecast.positions`, read apart from the server's code, so that each checks the other.

use crate::client::structured::Standing;

/// Its name, for the request.
pub(crate) const SUBPROTOCOL: &str = "corecast.positions";
/// Bytes that it adds to a message, at most: a line of an epoch, a colon and a number.
pub(crate) const LINE_BYTES_MAX: usize = EPOCH_BYTES + 1 + 20 + 1;

const EPOCH_BYTES: usize = 8;

/// Where each connection of a thread stands, and what it was told.
#[derive(Debug)]
pub(crate) struct Positions {
    newest: Vec<Option<Place>>,
    /// Connections of the structured protocol, whose messages have their offsets beside them.
    structured: Vec<bool>,
    /// Messages that lie in gaps that were told, as far as their number is known.
    pub(super) excused: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    epoch: [u8; EPOCH_BYTES],
    offset: u64,
}

/// What the server says in one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'p> {
    Message(&'p [u8]),
    /// Where the connection stands.
    Position,
    /// Messages are missing, and the connection was told.
    Gap,
    /// Not of the subprotocol, or of a place that does not follow.
    Wrong,
}

impl Positions {
    pub(crate) fn new(conns: usize) -> Self {
        Self {
            newest: vec![None; conns],
            structured: vec![false; conns],
            excused: 0,
        }
    }

    /// The position for the next request of a connection.
    pub(crate) fn since(&self, index: usize) -> Option<String> {
        let Place { epoch, offset } = self.newest[index]?;
        Some(format!("{}:{offset}", String::from_utf8_lossy(&epoch)))
    }

    /// Whether a connection goes on where it was.
    pub(super) fn resumes(&self, index: usize) -> bool {
        self.newest[index].is_some()
    }

    /// Where a subscription of the structured protocol stands when it begins. One that goes on
    /// keeps its place, from which messages follow; a gap is of all up to the new one.
    pub(super) fn stand(&mut self, index: usize, standing: Standing<'_>) -> Said<'static> {
        self.structured[index] = true;
        let epoch = standing.epoch.as_bytes().try_into();
        let Ok(epoch) = epoch else { return Said::Wrong };
        let offset = standing.offset;
        let place = Place { epoch, offset };
        let newest = self.newest[index].replace(place);
        match newest {
            None => Said::Position,
            Some(newest) if standing.has_gap => {
                if newest.epoch == epoch {
                    self.excused += offset.saturating_sub(newest.offset);
                }
                Said::Gap
            }
            Some(newest) if newest == place => Said::Position,
            Some(_) => Said::Wrong,
        }
    }

    /// The offset of the next message of such a subscription.
    pub(super) fn follow(&mut self, index: usize, offset: u64) -> Said<'static> {
        match &mut self.newest[index] {
            Some(newest) if offset == newest.offset + 1 => {
                newest.offset = offset;
                Said::Position
            }
            _ => Said::Wrong,
        }
    }

    /// Reads what has come on a connection.
    #[inline]
    pub(super) fn read<'p>(&mut self, index: usize, message: &'p [u8]) -> Said<'p> {
        if self.structured[index] {
            return Said::Message(message);
        }
        let front = &message[..message.len().min(LINE_BYTES_MAX)];
        let newest = &mut self.newest[index];
        if let Some(end) = front.iter().position(|byte| *byte == b'\n') {
            let Some(place) = Place::parse(&message[..end]) else {
                return Said::Wrong;
            };
            let follows = newest.is_none_or(|newest| {
                place.epoch == newest.epoch && place.offset == newest.offset + 1
            });
            *newest = Some(place);
            return match follows {
                true => Said::Message(&message[end + 1..]),
                false => Said::Wrong,
            };
        }
        if let Some(place) = message.strip_prefix(b"gap ") {
            let place = Place::parse(place);
            if let (Some(from), Some(to)) = (*newest, place)
                && from.epoch == to.epoch
            {
                self.excused += to.offset.saturating_sub(from.offset);
            }
            *newest = place;
            return Said::Gap;
        }
        match Place::parse(message) {
            Some(place) if newest.is_none_or(|newest| newest == place) => {
                *newest = Some(place);
                Said::Position
            }
            _ => Said::Wrong,
        }
    }
}

impl Place {
    fn parse(text: &[u8]) -> Option<Self> {
        let (epoch, rest) = text.split_first_chunk::<EPOCH_BYTES>()?;
        let offset = std::str::from_utf8(rest.strip_prefix(b":")?).ok()?;
        Some(Self {
            epoch: *epoch,
            offset: offset.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_go_on_from_the_offset_they_had() {
        let mut positions = Positions::new(1);
        let at = |epoch, offset, has_gap| Standing {
            epoch,
            offset,
            has_gap,
        };
        assert_eq!(
            positions.stand(0, at("", 0, false)),
            Said::Wrong,
            "no epoch"
        );
        assert_eq!(positions.stand(0, at("mzxw6ytb", 7, false)), Said::Position);
        assert_eq!(
            [8, 9].map(|offset| positions.follow(0, offset)),
            [Said::Position; 2]
        );
        assert_eq!(positions.read(0, b"no line"), Said::Message(b"no line"));
        assert_eq!(positions.follow(0, 9), Said::Wrong, "again");
        assert_eq!(positions.since(0).as_deref(), Some("mzxw6ytb:9"));
        assert_eq!(positions.stand(0, at("mzxw6ytb", 9, false)), Said::Position);
        assert_eq!(positions.stand(0, at("mzxw6ytb", 19, true)), Said::Gap);
        assert_eq!(
            (positions.excused, positions.follow(0, 20)),
            (10, Said::Position)
        );
        assert_eq!(
            positions.stand(0, at("aaaaaaaa", 20, false)),
            Said::Wrong,
            "an epoch"
        );
    }

    #[test]
    fn what_follows_is_taken_and_what_does_not_is_wrong_or_a_gap() {
        let mut positions = Positions::new(2);
        assert_eq!((positions.since(0), positions.resumes(0)), (None, false));
        assert_eq!(positions.read(0, b"mzxw6ytb:7"), Said::Position);
        assert_eq!(positions.read(0, b"mzxw6ytb:8\n\na"), Said::Message(b"\na"));
        assert_eq!(positions.since(0).as_deref(), Some("mzxw6ytb:8"));
        assert_eq!(positions.read(0, b"mzxw6ytb:8\na"), Said::Wrong, "again");
        assert_eq!(positions.read(0, b"mzxw6ytb:10\na"), Said::Wrong, "skipped");
        assert_eq!(positions.read(0, b"gap mzxw6ytb:13"), Said::Gap);
        assert_eq!(positions.read(0, b"mzxw6ytb:14\n"), Said::Message(b""));
        assert_eq!(positions.excused, 3);
        assert_eq!(positions.read(0, b"aaaaaaaa:15\n"), Said::Wrong, "an epoch");
        for wrong in [&b"hello"[..], b"\nhello", b"mzxw6ytb\n", b"mzxw6ytb:x\n"] {
            assert_eq!(positions.read(1, wrong), Said::Wrong);
        }
    }
}
