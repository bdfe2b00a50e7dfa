//! `hostile`: misbehaves on purpose, and sees what the server makes of it.

mod attack;
mod figures;
mod foes;
mod script;
mod turns;
mod witness;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;

use crate::check::message::Form;
use crate::client::Plan;
use crate::client::control::{Control, load};
use crate::client::crew::Crew;
use crate::client::opener::{Habits, WINDOW};
use crate::client::socket::CONNS_PER_ADDRESS;
use crate::clock::{nanos, now_ns, seconds};
use crate::commands::connect::Idlers;
use crate::commands::hostile::attack::{Attack, Wanted};
pub(crate) use crate::commands::hostile::figures::Figures;
use crate::commands::hostile::figures::Server;
use crate::commands::hostile::foes::{Foes, MESSAGE_BYTES_MAX, Meters, Orders, Tally};
use crate::commands::hostile::script::Script;
use crate::commands::hostile::turns::Turns;
use crate::commands::hostile::witness::{CONNECTIONS, Witness};
use crate::flags::{ClientArgs, duration, seconds_of};
use crate::host::procfs;
use crate::report::Counts;
use crate::report::figures::Found;
use crate::run::leader::{Leader, RunError, Waited};
use crate::run::record::Recorder;
use crate::run::targets::{fresh_run, targets, topic_of, usage};
use crate::run::{Scenario, Scene, plan, preflight, pss_now};
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
    url: Vec<String>,
    /// Stands in the place of `{topic}` [default: a fresh name].
    #[arg(long)]
    topic: Option<String>,
    /// Slow heads that are there at all times, up to 200000.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=200_000))]
    slow_headers: u32,
    /// Seconds between two bytes of a slow head, at least 0.0001.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds_of)]
    slow_byte_every: f64,
    /// Connections of garbage begun per second, up to 20000.
    #[arg(long, value_name = "R", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=20_000))]
    garbage_per_s: u32,
    /// Attacks, a list: `all`, or pongs, pings, empty-fragments, empty-frames, unheard, endless,
    /// burst, compress, unread-replies, holders, trickle, nested-batches, keyless-bodies; each with
    /// `=N` for its connections, 1 to 20000. Paths are the server's own, at the address of the
    /// first --url.
    #[arg(long, value_name = "NAME[=N]", value_delimiter = ',')]
    attack: Vec<Wanted>,
    /// Key of the publish API, for nested-batches; without it `all` leaves those out.
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// Where the server's admin port is, for its turns.
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Seconds that the server has to end a connection of garbage, from its last byte on, up to 60.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds_of)]
    patience: f64,
    /// How long, up to an hour: seconds, or a number with s, m or h.
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// Priority of the threads that misbehave, 0 to 19: 19 is the lowest, nice(2).
    #[arg(long, default_value_t = 19, value_parser = clap::value_parser!(i32).range(0..=19))]
    nice: i32,
    /// The same number and --threads give the same garbage.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What all client commands take.
    #[command(flatten)]
    client: ClientArgs,
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
/// Source addresses of attackers, after those of slow heads and garbage.
const FIRST_SOURCE: usize = (1 << 12) * CONNS_PER_ADDRESS as usize;
/// The server's memory is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The client that behaves is looked at for this long before the attacks begin.
const QUIET: Duration = Duration::from_secs(2);
/// Garbage that is under way at the end has its patience, and this to connect.
const CONNECTING: Duration = Duration::from_secs(10);
/// Bytes of the messages of the client that behaves.
const PAYLOAD: usize = 64;

/// What those that misbehave are to do: slow heads and garbage, and attackers.
pub(crate) struct Setup {
    wanted: Vec<(Attack, usize)>,
    orders: Arc<Orders>,
    attacks: Arc<Orders>,
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

    /// Lets the time pass; returns the most memory that the server had. One that is gone has none,
    /// and is found out by the client that behaves.
    fn last(&self, leader: &mut Leader) -> Result<u64, RunError> {
        let (begun, mut most) = (now_ns(), 0);
        loop {
            let left = self.duration.as_secs_f64() - seconds(begun, now_ns());
            let left = Duration::try_from_secs_f64(left).unwrap_or_default();
            if left.is_zero() {
                return Ok(most);
            }
            leader.pause(left.min(LOOK_EVERY))?;
            most = most.max(pss_now(self.client.server_pid).unwrap_or(0));
        }
    }
}

impl Scenario for HostileArgs {
    type Setup = Setup;
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn setup(&self) -> Result<Setup, RunError> {
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
        let topic = topic_of(fresh_run(), self.topic.as_ref());
        let targets = targets(&self.url, &topic, self.slow_headers as usize)?;
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

    fn run(&self, setup: Setup) -> Result<Found<Figures>, RunError> {
        preflight::connects(&self.client, &setup.orders.targets[0])?;
        let mut run = Run::start(self, setup)?;
        run.look_at_the_quiet()?;
        let turns_before = self.admin.and_then(Turns::ask);
        let before = run.scene.pss()?;
        let mut most = before;
        let begin = |_| {
            run.meters.has_begun.store(true, Ordering::Release);
            run.foes.control.ring_all();
            run.attackers.control.ring_all();
        };
        let (_, spent) = run.scene.measure_amid(begin, |leader| {
            most = most.max(self.last(leader)?);
            Ok(Waited::Done)
        })?;
        // While they are still at it.
        let turns = self.admin.and_then(Turns::ask);
        let mut figures = Figures {
            nice: self.nice,
            seed: self.seed,
            duration_s: spent.wall_s,
            turns: turns.map(|turns| turns.since(&turns_before.unwrap_or_default())),
            ..Figures::default()
        };
        let mut scene = run.finish(&mut figures)?;
        let (pid, after) = (scene.pid(), scene.pss().unwrap_or(0));
        let rss_most = pid.and_then(|pid| procfs::rss_most_bytes(pid).ok());
        figures.server = pid.map(|_| Server::new(&spent, [before, most, after], rss_most));
        let opening = &scene.base.opening;
        let all_let_in = opening.live == u64::from(opening.connections);
        scene.base.passed = all_let_in && figures.garbage.left_open == 0;
        scene.base.client = spent.client;
        Ok(scene.finish(figures, None))
    }
}

struct Run<'a> {
    args: &'a HostileArgs,
    scene: Scene<'a>,
    targets: Vec<Target>,
    wanted: Vec<(Attack, usize)>,
    /// Slow heads and garbage.
    foes: Crew<Foes>,
    attackers: Crew<Foes>,
    meters: Arc<Meters>,
    /// The client that behaves, beside attacks.
    witness: Option<Crew<Witness>>,
}

impl<'a> Run<'a> {
    fn start(args: &'a HostileArgs, setup: Setup) -> Result<Self, RunError> {
        let targets = setup.orders.targets.clone();
        let mut scene = Scene::new(&args.client, &targets);
        let meters = Arc::new(Meters::default());
        let mut crew = |name, first_source, orders: &Arc<Orders>| {
            let conns = orders.conns(scene.threads(orders.conns(1))?);
            let raw = Plan {
                habits: Habits {
                    window: WINDOW,
                    tries_max: 1,
                },
                raw: true,
                nice: Some(args.nice),
                first_source,
                payload_max: MESSAGE_BYTES_MAX,
                ..plan(name, targets.clone(), conns, &Form::new(0, 0))
            };
            scene.crew(raw, |place| {
                Foes::new(place, conns, Arc::clone(orders), Arc::clone(&meters))
            })
        };
        let foes = crew("hostile", 0, &setup.orders)?;
        let attackers = crew("attack", FIRST_SOURCE, &setup.attacks)?;
        let mut watch = scene.bare_watch();
        let [slow, garbage, opened, made] = [(); 4].map(|()| Arc::clone(&meters));
        watch.gauge("slow_heads", move || load(&slow.slow_open));
        watch.gauge("garbage", move || load(&garbage.garbage_open));
        watch.counter("garbage_per_s", move || load(&made.garbage_made));
        watch.counter("slow_heads_opened_per_s", move || load(&opened.slow_opened));
        let mut witness = None;
        if !setup.wanted.is_empty() {
            let open = Arc::clone(&attackers.control);
            watch.gauge("attackers", move || open.open_now());
            let form = Form::new(fresh_run(), PAYLOAD);
            let echo = Target {
                path: "/echo".to_owned(),
                ..targets[0].clone()
            };
            let behaving = plan("witness", vec![echo], CONNECTIONS, &form);
            let control = Arc::new(Control::new(1)?);
            let app = |_| Witness::new(form.clone(), Arc::clone(&meters));
            witness = Some(scene.crew_of(behaving, control, &[], app)?);
        }
        scene.leader.watch(watch);
        Ok(Self {
            args,
            scene,
            targets,
            wanted: setup.wanted,
            foes,
            attackers,
            meters,
            witness,
        })
    }

    /// Has messages echoed for a while before the attacks.
    fn look_at_the_quiet(&mut self) -> Result<(), RunError> {
        let Some(witness) = &self.witness else {
            return Ok(());
        };
        let conns = CONNECTIONS as u64;
        if self.scene.open(&witness.control, conns, "that behave")? != Waited::Done {
            let text = "/echo does not let in a client that behaves";
            return Err(RunError::Failed(text.to_owned()));
        }
        self.scene.leader.pause(QUIET)
    }

    /// Ends all threads, sees that the server still lets in a client that behaves, and adds up.
    fn finish(self, figures: &mut Figures) -> Result<Scene<'a>, RunError> {
        let (mut scene, meters) = (self.scene, &self.meters);
        figures.slow_heads.open_at_end = load(&meters.slow_open);
        // It first: what comes back when the attacks are over was not beside them.
        let witness = self.witness.map(Crew::stop).transpose()?;
        let mut threads = self.attackers.stop()?;
        meters.is_over.store(true, Ordering::Release);
        let patience = Duration::try_from_secs_f64(self.args.patience).unwrap_or_default();
        let has_ended = || load(&meters.garbage_busy) == 0;
        let leader = &mut scene.leader;
        leader.pause_unless(patience + CONNECTING, has_ended)?;
        // What failed of the attackers is told of their attacks.
        let mut failures: Vec<Counts> = Vec::new();
        for done in self.foes.stop()? {
            failures.push(done.failures.clone());
            threads.push(done);
        }
        let mut tally = Tally::default();
        threads.iter().for_each(|done| tally.merge(&done.app.tally));
        let conns = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        let form = Form::new(0, 1 << 16);
        let last = plan("last", self.targets.clone(), self.targets.len(), &form);
        let last = scene.crew(last, |_| Idlers::default())?;
        scene.leader.mark("those that behave", None);
        scene.open_all(&last.control, conns, "that behave")?;
        let mut took = Recorder::default();
        for done in last.stop()? {
            took.merge(&done.app.took);
            failures.push(done.failures);
        }
        let opening = &mut scene.base.opening;
        failures.iter().for_each(|all| opening.add_failures(all));
        figures.connect_to_live = took.percentiles();
        figures.echo = witness.map(witness::echo);
        figures.tell(self.args, meters, tally, &self.wanted);
        Ok(scene)
    }
}
