//! The flags of `hostile`, and what they ask for, checked.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::clock::nanos;
use crate::commands::hostile::attack::{Attack, Wanted};
use crate::commands::hostile::orders::Orders;
use crate::commands::hostile::script::Script;
use crate::flags::{ClientArgs, duration, seconds_of};
use crate::run::leader::RunError;
use crate::run::targets::{fresh_run, targets, topic_of, usage};
use crate::url::{Protocol, Target};

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  10,000 slow heads and 1,000 connections of garbage a second, for half a minute:
    loadtest hostile --url 'ws://127.0.0.1:8080/sub/{topic}' --slow-headers 10000 \\
      --garbage-per-s 1000 --duration 30s --server-pid $(pidof -s corecast)
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
/// correct upgrade is answered when all is over. Its own threads run at a low priority, so that
/// what is measured beside it is what it does to the server, and less that it takes the CPU.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HostileArgs {
    /// Where to connect: ws://127.0.0.1:PORT/PATH, tcp://127.0.0.1:PORT, or `[::1]` for the
    /// address. With wss:// and tcps:// the same bytes go to the port, and no TLS is spoken.
    /// `{topic}` stands for the topic. May be repeated; connections take them in turn.
    #[arg(long, required = true)]
    pub(super) url: Vec<String>,
    /// Stands in the place of `{topic}` [default: a fresh name].
    #[arg(long)]
    pub(super) topic: Option<String>,
    /// Slow heads that are there at all times, up to 200000.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=200_000))]
    pub(super) slow_headers: u32,
    /// Seconds between two bytes of a slow head, at least 0.0001.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds_of)]
    pub(super) slow_byte_every: f64,
    /// Connections of garbage begun per second, up to 20000.
    #[arg(long, value_name = "R", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=20_000))]
    pub(super) garbage_per_s: u32,
    /// Attacks, a list: `all`, or pongs, pings, empty-fragments, empty-frames, unheard, endless,
    /// burst, compress, unread-replies, holders, trickle, nested-batches, keyless-bodies; each with
    /// `=N` for its connections, 1 to 20000. Paths are the server's own, at the address of the
    /// first --url.
    #[arg(long, value_name = "NAME[=N]", value_delimiter = ',')]
    pub(super) attack: Vec<Wanted>,
    /// Key of the publish API, for nested-batches; without it `all` leaves those out.
    #[arg(long, value_name = "KEY")]
    pub(super) api_key: Option<String>,
    /// Seconds that the server has to end a connection of garbage, from its last byte on, up to 60.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds_of)]
    pub(super) patience: f64,
    /// How long, up to an hour: seconds, or a number with s, m or h.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(super) duration: Duration,
    /// Priority of the threads that misbehave, 0 to 19: 19 is the lowest, nice(2).
    #[arg(long, default_value_t = 19, value_parser = clap::value_parser!(i32).range(0..=19))]
    pub(super) nice: i32,
    /// The same number and --threads give the same garbage.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// What all client commands take.
    #[command(flatten)]
    pub(super) client: ClientArgs,
}

/// A byte more often than this is no slow head.
const BYTE_EVERY_S_MIN: f64 = 1e-4;
const PATIENCE_S_MAX: f64 = 60.0;
const DURATION_MAX: Duration = Duration::from_secs(3600);
/// Attacking connections of all attacks together.
const ATTACKERS_MAX: usize = 50_000;
/// Connections of one attack with a script of their own, as they have a topic of their own; behind
/// them they are shared.
const SCRIPTS: usize = 16;

/// What those that misbehave are to do: slow heads and garbage, and attackers.
pub(crate) struct Setup {
    pub(super) wanted: Vec<(Attack, usize)>,
    pub(super) orders: Arc<Orders>,
    pub(super) attacks: Arc<Orders>,
}

impl HostileArgs {
    /// The attacks that can be made, with their connections.
    fn wanted(&self) -> Result<Vec<(Attack, usize)>, RunError> {
        let is_nested = |wanted: &Wanted| wanted.attack == Some(Attack::NestedBatches);
        if self.api_key.is_none() && self.attack.iter().any(is_nested) {
            return usage("nested-batches needs --api-key");
        }
        let mut wanted = Wanted::list(&self.attack);
        wanted.retain(|(attack, _)| *attack != Attack::NestedBatches || self.api_key.is_some());
        let all: usize = wanted.iter().map(|(_, connections)| connections).sum();
        if ATTACKERS_MAX < all {
            return usage("the attacks have more than 50000 connections together");
        }
        Ok(wanted)
    }

    /// What each attacker does: empty frames go to a TCP target where there is one, all else to the
    /// first that speaks HTTP.
    fn scripts(
        &self,
        wanted: &[(Attack, usize)],
        targets: &[Target],
    ) -> Result<Vec<(Attack, Arc<Script>)>, RunError> {
        let plain = |protocol| {
            let mut targets = targets.iter();
            targets.find(move |target| target.protocol == protocol && !target.tls)
        };
        let Some(http) = plain(Protocol::WebSocket) else {
            return usage("--attack needs a --url with ws://");
        };
        let framed = plain(Protocol::LengthPrefix).unwrap_or(http);
        let key = self.api_key.as_deref().unwrap_or_default();
        let mut scripts = Vec::new();
        for (attack, connections) in wanted {
            let target = match attack {
                Attack::EmptyFrames => framed,
                _ => http,
            };
            let own: Vec<(Attack, Arc<Script>)> = (0..SCRIPTS.min(*connections))
                .map(|number| Script::attack(*attack, number, target, key))
                .map(|script| (*attack, Arc::new(script)))
                .collect();
            scripts.extend(own.iter().cycle().take(*connections).cloned());
        }
        Ok(scripts)
    }

    /// What the flags ask for, if it is possible.
    pub(super) fn orders(&self) -> Result<Setup, RunError> {
        if self.slow_headers == 0 && self.garbage_per_s == 0 && self.attack.is_empty() {
            return usage(
                "there is nothing to do: ask for --slow-headers, --garbage-per-s or --attack",
            );
        }
        if self.slow_byte_every < BYTE_EVERY_S_MIN {
            return usage("--slow-byte-every must be at least 0.0001");
        }
        if !(self.patience > 0.0 && self.patience <= PATIENCE_S_MAX) {
            return usage("--patience must be above 0 and at most 60");
        }
        if self.duration.is_zero() || self.duration > DURATION_MAX {
            return usage("--duration must be above 0 and at most an hour");
        }
        if !self.client.remote.i_may_load.is_empty() {
            return usage("hostile attacks servers on loopback only; leave --i-may-load out");
        }
        let topic = topic_of(fresh_run(), self.topic.as_ref());
        let targets = targets(&self.client, &self.url, &topic, self.slow_headers as usize)?;
        let wanted = self.wanted()?;
        let scripts = match wanted[..] {
            [] => Vec::new(),
            _ => self.scripts(&wanted, &targets)?,
        };
        let attacks = Orders {
            targets: targets.clone(),
            scripts,
            ..Orders::default()
        };
        let orders = Orders {
            targets,
            slow_heads: self.slow_headers as usize,
            byte_every_ns: nanos(self.slow_byte_every),
            garbage_per_s: f64::from(self.garbage_per_s),
            patience_ns: nanos(self.patience),
            seed: self.seed,
            ..Orders::default()
        };
        Ok(Setup {
            wanted,
            orders: Arc::new(orders),
            attacks: Arc::new(attacks),
        })
    }
}
