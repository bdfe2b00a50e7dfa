//! The messages between players and the arena: binary, with big-endian numbers.
//!
//! Places are in 32nds of a unit, so that 1600 units fit into a `u16`; directions are two `i8`.
//! A list is its length and its items.
//!
//! | a player says | layout after the first byte |
//! |---|---|
//! | 1 let me in | the name, 1 to 16 bytes of UTF-8 without control characters |
//! | 2 I want | thrust x, y `i8`; aim x, y `i8`; 1 to fire, otherwise 0 |
//! | 3 ping | any 4 bytes, which come back as they are |
//! | 4 I leave | |
//!
//! | the arena says | to | layout after the first byte |
//! |---|---|---|
//! | 3 pong | one | the 4 bytes of the ping |
//! | 16 snapshot | all | tick `u32`; players: number `u8`, state `u8`, x, y `u16`, aim x, y `i8`; bolts: id `u16`, owner `u8`, x, y `u16`; gems: x, y `u16` |
//! | 17 welcome | one | number `u8` (0: the arena is full, you watch), shard of the connection `u8`, steps per second `u8`, width, height `u16` in units, radius of ships `u8` in units; pillars: x, y `u16`, radius `u8`, in units |
//! | 18 roster | all | players: number `u8`, 1 for a bot, otherwise 0, score `u16`; name: a list of bytes |
//! | 19 event | all | what `u8`, number `u8`, number of the other or 0 `u8`; 1 joined, 2 left, 3 collected a gem, 4 put the other out, 5 was silent for too long and is dropped |
//!
//! A player's state: bits 0 and 1 its health, bit 2 has its engine on, bit 3 is shielded.
//! One with health 0 is out for a while.

use corecast::{Kind, Message};

use crate::game::geometry::{UNIT, Vector};
use crate::game::obstacles::{HEIGHT, PILLARS, WIDTH};
use crate::game::player::{Input, Player, SHIP_RADIUS};
use crate::game::world::{Event, STEPS_PER_SECOND, World};

/// A message of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'b> {
    Join(&'b str),
    Steer(Input),
    Ping(&'b [u8]),
    Leave,
}

/// Reads a player's message, or returns why it is invalid.
pub(crate) fn read(message: Message<'_>) -> Result<Said<'_>, &'static str> {
    if message.kind != Kind::Binary {
        return Err("the arena takes binary messages only");
    }
    match message.payload {
        [1, name @ ..] => read_name(name).map(Said::Join),
        [2, thrust_x, thrust_y, aim_x, aim_y, fires @ (0 | 1)] => Ok(Said::Steer(Input {
            thrust: [thrust_x.cast_signed(), thrust_y.cast_signed()],
            aim: [aim_x.cast_signed(), aim_y.cast_signed()],
            fires: *fires == 1,
        })),
        [2, ..] => Err("an input is 2, four signed bytes, and 0 or 1"),
        [3, stamp @ ..] if stamp.len() == 4 => Ok(Said::Ping(message.payload)),
        [3, ..] => Err("a ping is 3 and four bytes"),
        [4] => Ok(Said::Leave),
        _ => Err("no such message; see examples/arena/game/wire.rs"),
    }
}

fn read_name(bytes: &[u8]) -> Result<&str, &'static str> {
    let name = str::from_utf8(bytes).ok().filter(|name| {
        let is_short = (1..=NAME_BYTES_MAX).contains(&name.len());
        is_short && !name.trim().is_empty() && !name.contains(char::is_control)
    });
    name.ok_or("a name is 1 to 16 bytes of UTF-8 without control characters")
}

/// The state of a world for all players.
pub(crate) fn snapshot(world: &World) -> Vec<u8> {
    let mut out = vec![16];
    out.extend(world.tick.to_be_bytes());
    list(&mut out, &world.players, |out, player| {
        out.extend([player.number, state(player)]);
        place(out, player.place);
        out.extend(player.input.aim.map(i8::cast_unsigned));
    });
    list(&mut out, &world.bolts, |out, bolt| {
        out.extend(bolt.id.to_be_bytes());
        out.push(bolt.owner);
        place(out, bolt.place);
    });
    list(&mut out, &world.gems, |out, gem| place(out, *gem));
    out
}

fn state(player: &Player) -> u8 {
    let bit = |is: bool, at: u8| u8::from(is) << at;
    player.health | bit(player.input.thrust != [0, 0], 2) | bit(player.shield != 0, 3)
}

/// The welcome for a connection on `shard`, with its player's number.
pub(crate) fn welcome(number: u8, shard: u16) -> Vec<u8> {
    let shard = u8::try_from(shard).unwrap_or(u8::MAX);
    let mut out = vec![17, number, shard, STEPS_PER_SECOND];
    units(&mut out, WIDTH);
    units(&mut out, HEIGHT);
    out.push(radius(SHIP_RADIUS));
    list(&mut out, &PILLARS, |out, pillar| {
        units(out, pillar.center.x);
        units(out, pillar.center.y);
        out.push(radius(pillar.radius));
    });
    out
}

/// The players, with names and scores.
pub(crate) fn roster(world: &World) -> Vec<u8> {
    let mut out = vec![18];
    list(&mut out, &world.players, |out, player| {
        out.extend([player.number, u8::from(player.is_bot)]);
        out.extend(player.score.to_be_bytes());
        list(out, player.name.as_bytes(), |out, byte| out.push(*byte));
    });
    out
}

pub(crate) fn event(event: Event) -> [u8; 4] {
    match event {
        Event::Joined(number) => [19, 1, number, 0],
        Event::Left(number) => [19, 2, number, 0],
        Event::Collected(number) => [19, 3, number, 0],
        Event::Out(number, other) => [19, 4, number, other],
        Event::Dropped(number) => [19, 5, number, 0],
    }
}

/// A list: its length and its items. A world has fewer than 255 of anything.
fn list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    let count = u8::try_from(items.len()).unwrap_or(u8::MAX);
    out.push(count);
    for item in items.iter().take(count.into()) {
        write(out, item);
    }
}

fn place(out: &mut Vec<u8>, place: Vector) {
    for side in [place.x, place.y] {
        out.extend(u16::try_from(side).unwrap_or_default().to_be_bytes());
    }
}

fn units(out: &mut Vec<u8>, length: i32) {
    let units = u16::try_from(length / UNIT).unwrap_or_default();
    out.extend(units.to_be_bytes());
}

fn radius(length: i32) -> u8 {
    u8::try_from(length / UNIT).unwrap_or(u8::MAX)
}

/// What the handler publishes for a connection that has ended.
pub(crate) const LEAVE: &[u8] = &[4];
const NAME_BYTES_MAX: usize = 16;

const _: () = assert!(WIDTH <= 0xffff && HEIGHT <= 0xffff);

#[cfg(test)]
mod tests {
    use super::*;

    fn said(payload: &[u8]) -> Result<Said<'_>, &'static str> {
        let kind = Kind::Binary;
        read(Message { kind, payload })
    }

    #[test]
    fn what_players_say_is_read() {
        assert_eq!(said(b"\x01Ada"), Ok(Said::Join("Ada")));
        let input = Input {
            thrust: [-128, 127],
            aim: [0, -1],
            fires: true,
        };
        assert_eq!(said(&[2, 128, 127, 0, 255, 1]), Ok(Said::Steer(input)));
        assert_eq!(said(b"\x03abcd"), Ok(Said::Ping(b"\x03abcd")));
        assert_eq!(said(&[4]), Ok(Said::Leave));
    }

    #[test]
    fn a_malformed_message_is_refused() {
        let long = [1; 18];
        let bad: [&[u8]; 14] = [
            b"",
            &[0],
            &[1],
            &long,
            b"\x01\x80",
            b"\x01 ",
            b"\x01a\nb",
            &[2],
            &[2, 0, 0, 0, 0, 2],
            &[2, 0, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0],
            &[3, 0, 0, 0, 0, 0],
            &[4, 0],
            &[16],
        ];
        for payload in bad {
            assert!(said(payload).is_err(), "{payload:?}");
        }
        let text = Message {
            kind: Kind::Text,
            payload: &[4],
        };
        assert!(read(text).is_err());
    }

    #[test]
    fn a_snapshot_is_as_long_as_it_says() {
        let mut world = World::new(1);
        for name in ["a", "b"] {
            let number = world.join(name, false).unwrap();
            let fires = true;
            world.steer(
                number,
                Input {
                    fires,
                    ..Input::default()
                },
            );
        }
        (0..20).for_each(|_| world.step());
        let bytes = snapshot(&world);
        assert_eq!(bytes[..6], [16, 0, 0, 0, 20, 2]);
        let (bolts, gems) = (world.bolts.len(), world.gems.len());
        assert!(bolts != 0 && gems == 1, "{world:?}");
        assert_eq!(
            bytes.len(),
            5 + (1 + 2 * 8) + (1 + bolts * 7) + (1 + gems * 4)
        );
        assert_eq!(welcome(3, 2)[..8], [17, 3, 2, 30, 6, 64, 3, 132]);
        assert_eq!(roster(&world)[..7], [18, 2, 1, 0, 0, 0, 1]);
    }
}
