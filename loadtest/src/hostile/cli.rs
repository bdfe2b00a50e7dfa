//! The flags of `hostile` and their help.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::flags::{ClientArgs, duration, seconds};
use crate::hostile::attack::Wanted;

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  10,000 slow heads and 1,000 connections of garbage a second, for half a minute:
    loadtest hostile --url 'ws://127.0.0.1:8080/sub/{topic}' --slow-headers 10000 --garbage-per-s 1000 \\
      --duration 30s --server-pid $(pidof -s corecast)
  Beside it, in a third terminal, what clients that behave notice of it:
    loadtest fanout --url 'ws://127.0.0.1:8080/sub/{topic}' -n 1000 --rate 50 --duration 20
  All attacks at once, and what a client that behaves sees meanwhile, with the server's turns:
    loadtest hostile --url 'ws://127.0.0.1:8080/sub/{topic}' --attack all --duration 20s \\
      --admin 127.0.0.1:9090
  Garbage alone, another mess, for the port of length-prefixed TCP:
    loadtest hostile --url tcp://127.0.0.1:9000 --garbage-per-s 200 --seed 7";

/// Misbehaves on purpose: request heads that never end, connections full of garbage, and attacks.
///
/// Attacks are clients that keep to the rules, or nearly, and cost as much as they can. Beside them
/// a client that behaves has messages echoed at `/echo` of the first --url, before and meanwhile.
/// With --admin the figures have the server's turns as well.
///
/// A slow head is a request that is sent byte by byte and never comes to its end. When the server
/// ends one, another is opened after a tenth of a second. Garbage is one of: random bytes, a TLS
/// hello, half a head and then the end of the stream, a header line of 64 KiB, and, after a correct
/// upgrade, a frame that breaks RFC 6455.
///
/// Passes if every connection of garbage was ended by the server within --patience, and if a
/// correct upgrade is answered when all is over. Its own threads run at a low priority, so that what
/// is measured beside it is what it does to the server, and less that it takes the CPU.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HostileArgs {
    /// Where to connect: ws://127.0.0.1:PORT/PATH, tcp://127.0.0.1:PORT, or `[::1]` for the address.
    /// With wss:// and tcps:// the same bytes go to the port, and no TLS is spoken. `{topic}` stands
    /// for the topic. May be repeated; connections take them in turn.
    #[arg(long, required = true)]
    pub(crate) url: Vec<String>,
    /// Stands in the place of `{topic}` [default: a fresh name].
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// Slow heads that are there at all times, up to 200000.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=200_000))]
    pub(crate) slow_headers: u32,
    /// Seconds between two bytes of a slow head, at least 0.0001.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) slow_byte_every: f64,
    /// Connections of garbage begun per second, up to 20000.
    #[arg(long, value_name = "R", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=20_000))]
    pub(crate) garbage_per_s: u32,
    /// Attacks, a list: `all`, or pongs, pings, empty-fragments, empty-frames, unheard, endless, burst,
    /// compress, unread-replies, holders, trickle, nested-batches, keyless-bodies; each with `=N` for
    /// its connections, 1 to 20000. Paths are the server's own, at the address of the first --url.
    #[arg(long, value_name = "NAME[=N]", value_delimiter = ',')]
    pub(crate) attack: Vec<Wanted>,
    /// Key of the publish API, for nested-batches; without it `all` leaves those out.
    #[arg(long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Where the server's admin port is, for its turns.
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<SocketAddr>,
    /// Seconds that the server has to end a connection of garbage, from its last byte on, up to 60.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) patience: f64,
    /// How long, up to an hour: seconds, or a number with s, m or h.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Priority of the threads that misbehave, 0 to 19: 19 is the lowest, nice(2).
    #[arg(long, default_value_t = 19, value_parser = clap::value_parser!(i32).range(0..=19))]
    pub(crate) nice: i32,
    /// The same number and --threads give the same garbage.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
