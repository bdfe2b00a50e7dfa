//! The run that misbehaves on purpose, and sees what the server makes of it.

pub(crate) mod attack;
mod attackers;
pub(crate) mod cli;
mod figures;
mod gang;
mod garbage;
mod honest;
mod script;
mod siege;
mod tally;
mod turns;
mod witness;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::setpriority_process;

use crate::clock::{nanos, now_ns, seconds};
use crate::control::Control;
use crate::crew::{self, Handles};
use crate::hostile::attackers::{AttackPlan, Attackers, Seen};
use crate::hostile::cli::HostileArgs;
pub(crate) use crate::hostile::figures::Figures;
use crate::hostile::figures::{Garbage, Server, SlowHeads};
use crate::hostile::gang::{Gang, Orders};
use crate::hostile::tally::{Meters, Tally};
use crate::hostile::turns::Turns;
use crate::leader::{Leader, RunError, Waited};
use crate::phase;
use crate::preflight;
use crate::procfs;
use crate::report::ratio;
use crate::scene;
use crate::series::Watch;
use crate::url::Target;
use crate::warning::Warning;

/// The server's memory is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A byte more often than this is no slow head.
const BYTE_EVERY_S_MIN: f64 = 1e-4;
const PATIENCE_S_MAX: f64 = 60.0;
const DURATION_MAX: Duration = Duration::from_secs(3600);

/// Sees that what is asked for is possible, without asking the server.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(args: &HostileArgs) -> Result<(), RunError> {
    orders(args).map(drop)
}

/// Makes the run.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side; what the server does wrong is
/// in the figures.
pub(crate) fn run(args: &HostileArgs) -> Result<Figures, RunError> {
    let orders = Arc::new(orders(args)?);
    let plan = AttackPlan::new(args, &orders.targets)?;
    preflight::connects(&args.client, &orders.targets[0])?;
    let mut leader = Leader::new(&args.client);
    let mut figures = Figures {
        urls: orders.targets.iter().map(Target::to_string).collect(),
        nice: args.nice,
        seed: args.seed,
        ..Figures::default()
    };
    let gangs = Gangs::start(args, &orders, &leader)?;
    let attackers = Attackers::start(args, plan, &orders.targets, &leader)?;
    let tids = [&gangs.tids, attackers.tids()].concat();
    let mut watch = gangs.watch(args);
    watch.tids.clone_from(&tids);
    attackers.watch(&mut watch);
    leader.watch(watch);
    let pid = args.client.server_pid;
    attackers.look_at_the_quiet(&mut leader)?;
    let turns_before = args.admin.and_then(Turns::ask);
    let before = scene::pss(&mut leader, pid)?;
    let mut most = before;
    let (_, phase) = phase::measure_amid(
        pid,
        &tids,
        |_| {
            gangs.begin();
            attackers.begin();
        },
        &mut leader,
        |leader| {
            most = most.max(last(args, leader)?);
            Ok(Waited::Done)
        },
    )?;
    figures.duration_s = phase.wall_s;
    let meters = Arc::clone(&gangs.meters);
    let open_at_end = load(&meters.slow_open);
    // While they are still at it.
    let turns = args.admin.and_then(Turns::ask);
    figures.turns = turns.map(|turns| turns.since(&turns_before.unwrap_or_default()));
    let tally = gangs.stop()?;
    let Seen { losses, echo } = attackers.stop()?;
    (figures.attacks, figures.echo) = (losses, echo);
    witness::look(args, &orders.targets, &mut leader, &mut figures)?;
    let after = scene::pss(&mut leader, pid).unwrap_or(0);
    let rss_most = pid.and_then(|pid| procfs::rss_most_bytes(pid).ok());
    figures.server = pid.map(|_| Server::new(&phase, [before, most, after], rss_most));
    figures.warnings = Warning::find(&phase.client, None);
    figures.client = phase.client;
    figures.tell_of(args, &meters, tally, open_at_end);
    figures.series = leader.finish();
    let all_let_in = figures.opening.live == u64::from(figures.opening.connections);
    figures.passed = all_let_in && figures.garbage.left_open == 0;
    Ok(figures)
}

impl Figures {
    /// Fills in what became of slow heads and garbage.
    fn tell_of(&mut self, args: &HostileArgs, meters: &Meters, tally: Tally, open_at_end: u64) {
        self.opening.add_failures(&tally.failures);
        (self.closed_by_server, self.reset_by_server) = (tally.closed, tally.reset);
        self.slow_heads = SlowHeads {
            wanted: args.slow_headers,
            byte_every_s: args.slow_byte_every,
            opened: load(&meters.slow_opened),
            open_most: load(&meters.slow_open_most),
            open_at_end,
            lived: tally.slow_lived.percentiles(),
            ends: tally.slow_ends,
        };
        let connections = load(&meters.garbage_made);
        self.garbage = Garbage {
            wanted: args.garbage_per_s,
            connections,
            connected_per_s: ratio(connections as f64, self.duration_s),
            held_back: tally.held_back,
            left_open: tally.left_open,
            lived: tally.garbage_lived.percentiles(),
            ends: tally.garbage_ends,
        };
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Acquire)
}

/// What the threads are to do.
fn orders(args: &HostileArgs) -> Result<Orders, RunError> {
    let wrong = |text: &str| Err(RunError::Usage(text.to_owned()));
    if args.slow_headers == 0 && args.garbage_per_s == 0 && args.attack.is_empty() {
        return wrong(
            "there is nothing to do: ask for --slow-headers, --garbage-per-s or --attack",
        );
    }
    if args.slow_byte_every < BYTE_EVERY_S_MIN {
        return wrong("--slow-byte-every must be at least 0.0001");
    }
    if !(args.patience > 0.0 && args.patience <= PATIENCE_S_MAX) {
        return wrong("--patience must be above 0 and at most 60");
    }
    if args.duration.is_zero() || args.duration > DURATION_MAX {
        return wrong("--duration must be above 0 and at most an hour");
    }
    let topic = scene::topic_of(scene::fresh_run(), args.topic.as_ref());
    Ok(Orders {
        targets: scene::targets(&args.url, &topic, args.slow_headers as usize)?,
        slow_heads: args.slow_headers as usize,
        byte_every_ns: nanos(args.slow_byte_every),
        garbage_per_s: f64::from(args.garbage_per_s),
        patience_ns: nanos(args.patience),
        seed: args.seed,
    })
}

/// Lets the time pass; returns the most memory that the server had. One that is gone has none, and
/// is found out by those who behave.
fn last(args: &HostileArgs, leader: &mut Leader) -> Result<u64, RunError> {
    let (begun, mut most) = (now_ns(), 0);
    loop {
        let left = args.duration.as_secs_f64() - seconds(begun, now_ns());
        let left = Duration::try_from_secs_f64(left).unwrap_or_default();
        if left.is_zero() {
            return Ok(most);
        }
        leader.pause(left.min(LOOK_EVERY))?;
        most = most.max(scene::pss_now(args.client.server_pid).unwrap_or(0));
    }
}

/// The threads that misbehave.
#[derive(Debug)]
struct Gangs {
    control: Arc<Control>,
    meters: Arc<Meters>,
    tids: Vec<u32>,
    handles: Handles<Tally>,
}

impl Gangs {
    fn start(args: &HostileArgs, orders: &Arc<Orders>, leader: &Leader) -> Result<Self, RunError> {
        let places = orders.slow_heads + orders.places(1);
        let threads = scene::threads(&args.client, places)?;
        let control = Arc::new(Control::new(threads)?);
        let meters = Arc::new(Meters::default());
        let nice = args.nice;
        let (tids, handles) = crew::spawn("hostile", &control, &[], &leader.sender, |thread| {
            let (orders, control) = (Arc::clone(orders), Arc::clone(&control));
            let meters = Arc::clone(&meters);
            move || {
                // On Linux the priority is the thread's own, setpriority(2), "C library/kernel
                // differences": those that misbehave have it, and not whoever leads them.
                setpriority_process(None, nice)?;
                Gang::new(thread, orders, control, meters)?.run()
            }
        })?;
        Ok(Self {
            control,
            meters,
            tids,
            handles,
        })
    }

    /// What the series shows.
    fn watch(&self, args: &HostileArgs) -> Watch {
        let mut watch = Watch {
            server_pid: args.client.server_pid,
            tids: self.tids.clone(),
            ..Watch::default()
        };
        let [slow, garbage, opened, made] = [(); 4].map(|()| Arc::clone(&self.meters));
        watch.gauge("slow_heads", move || load(&slow.slow_open));
        watch.gauge("garbage", move || load(&garbage.garbage_open));
        watch.counter("garbage_per_s", move || load(&made.garbage_made));
        watch.counter("slow_heads_opened_per_s", move || load(&opened.slow_opened));
        watch
    }

    /// Lets them begin.
    fn begin(&self) {
        self.control.open(u64::MAX);
    }

    /// Ends them, and returns what all have counted.
    fn stop(self) -> Result<Tally, RunError> {
        self.control.stop();
        let mut all = Tally::new();
        for tally in crew::join(self.handles)? {
            all.merge(&tally);
        }
        Ok(all)
    }
}
