//! `hostile`: misbehaves on purpose, and sees what the server makes of it.

pub(crate) mod attack;
mod attackers;
pub(crate) mod cli;
mod figures;
mod garbage;
mod honest;
mod intruders;
mod orders;
mod script;
mod tally;
mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::app::Plan;
use crate::clock::{now_ns, seconds};
use crate::connect::idlers::Idlers;
use crate::control::load;
use crate::crew::Crew;
use crate::flags::ClientArgs;
use crate::hostile::attackers::{AttackPlan, Attackers, Losses, add_losses};
use crate::hostile::cli::HostileArgs;
pub(crate) use crate::hostile::figures::Figures;
use crate::hostile::figures::{Garbage, Server, SlowHeads};
use crate::hostile::honest::{CONNECTIONS, Honest};
use crate::hostile::intruders::Intruders;
use crate::hostile::orders::Orders;
use crate::hostile::tally::{Meters, Tally};
use crate::hostile::turns::Turns;
use crate::leader::{Leader, RunError, Waited};
use crate::message::Form;
use crate::opener::{Habits, WINDOW};
use crate::preflight;
use crate::procfs;
use crate::record::Recorder;
use crate::report::ratio;
use crate::scene::{self, Scenario, Scene};
use crate::url::Target;

/// The server's memory is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The client that behaves is looked at for this long before the attacks begin.
const QUIET: Duration = Duration::from_secs(2);
/// Garbage that is under way at the end has its patience, and this to connect.
const CONNECTING: Duration = Duration::from_secs(10);
/// Bytes of the messages of the client that behaves.
const PAYLOAD: usize = 64;

impl Scenario for HostileArgs {
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn check(&self) -> Result<(), RunError> {
        Orders::new(self).map(drop)
    }

    fn run(&self) -> Result<Figures, RunError> {
        let orders = Arc::new(Orders::new(self)?);
        let plan = AttackPlan::new(self, &orders.targets)?;
        preflight::connects(&self.client, &orders.targets[0])?;
        let mut run = Run::start(self, orders, plan)?;
        let pid = run.scene.pid();
        run.look_at_the_quiet()?;
        let turns_before = self.admin.and_then(Turns::ask);
        let before = run.scene.pss()?;
        let mut most = before;
        let (meters, is_attacked) = (&run.meters, &run.is_attacked);
        let begin = |_| {
            is_attacked.store(true, Ordering::Release);
            meters.has_begun.store(true, Ordering::Release);
            run.intruders.control.ring_all();
            run.attackers.control.ring_all();
        };
        let (_, spent) = run.scene.measure_amid(begin, |leader| {
            most = most.max(last(self, leader)?);
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
        let after = scene.pss().unwrap_or(0);
        let rss_most = pid.and_then(|pid| procfs::rss_most_bytes(pid).ok());
        figures.server = pid.map(|_| Server::new(&spent, [before, most, after], rss_most));
        let opening = &scene.base.opening;
        let all_let_in = opening.live == u64::from(opening.connections);
        scene.base.passed = all_let_in && figures.garbage.left_open == 0;
        figures.base = scene.finish(spent.client, None);
        Ok(figures)
    }
}

/// Lets the time pass; returns the most memory that the server had. One that is gone has none, and
/// is found out by the client that behaves.
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

#[derive(Debug)]
struct Run<'a> {
    args: &'a HostileArgs,
    scene: Scene<'a>,
    targets: Vec<Target>,
    intruders: Crew<Intruders>,
    meters: Arc<Meters>,
    attacks: AttackPlan,
    attackers: Crew<Attackers>,
    /// The client that behaves, beside attacks.
    honest: Option<Crew<Honest>>,
    is_attacked: Arc<AtomicBool>,
}

impl<'a> Run<'a> {
    fn start(
        args: &'a HostileArgs,
        orders: Arc<Orders>,
        attacks: AttackPlan,
    ) -> Result<Self, RunError> {
        let targets = orders.targets.clone();
        let mut scene = Scene::new(&args.client, Leader::new(&args.client), &targets);
        let meters = Arc::new(Meters::default());
        let form = |payload| Form::new(0, payload);
        let raw = |name, conns, payload_max| Plan {
            habits: Habits {
                window: WINDOW,
                tries_max: 1,
            },
            raw: true,
            nice: Some(args.nice),
            ..scene::plan(name, targets.clone(), conns, &form(payload_max))
        };
        let threads = scene.threads(orders.slow_heads + orders.places(1))?;
        let conns = orders.slow_heads + orders.places(threads) * threads;
        let plan = raw("hostile", conns, intruders::MESSAGE_BYTES_MAX);
        let intruders = scene.crew(plan, |place| {
            Intruders::new(place, Arc::clone(&orders), Arc::clone(&meters))
        })?;
        let is_attacked = Arc::new(AtomicBool::new(false));
        let plan = Plan {
            first_source: FIRST_SOURCE,
            ..raw(
                "attack",
                attacks.scripts.len(),
                attackers::MESSAGE_BYTES_MAX,
            )
        };
        let attackers = scene.crew(plan, |place| {
            Attackers::new(place, &attacks.scripts, Arc::clone(&is_attacked))
        })?;
        let mut watch = scene::watch(scene.pid(), Vec::new(), scene.tids.clone());
        watch.gauges.clear();
        let [slow, garbage, opened, made] = [(); 4].map(|()| Arc::clone(&meters));
        watch.gauge("slow_heads", move || load(&slow.slow_open));
        watch.gauge("garbage", move || load(&garbage.garbage_open));
        watch.counter("garbage_per_s", move || load(&made.garbage_made));
        watch.counter("slow_heads_opened_per_s", move || load(&opened.slow_opened));
        let mut honest = None;
        if !attacks.scripts.is_empty() {
            let open = Arc::clone(&attackers.control);
            watch.gauge("attackers", move || open.open_now());
            let form = Form::new(scene::fresh_run(), PAYLOAD);
            let echo = Target {
                path: "/echo".to_owned(),
                ..targets[0].clone()
            };
            let plan = scene::plan("honest", vec![echo], CONNECTIONS, &form);
            honest = Some(scene::crew(plan, 1, &scene.leader, |_| {
                Honest::new(form.clone(), Arc::clone(&is_attacked))
            })?);
        }
        scene.leader.watch(watch);
        Ok(Self {
            args,
            scene,
            targets,
            intruders,
            meters,
            attacks,
            attackers,
            honest,
            is_attacked,
        })
    }

    /// Has messages echoed for a while before the attacks.
    fn look_at_the_quiet(&mut self) -> Result<(), RunError> {
        let Some(honest) = &self.honest else {
            return Ok(());
        };
        let conns = CONNECTIONS as u64;
        if self.scene.open(&honest.control, conns, "that behave")? != Waited::Done {
            let text = "/echo does not let in a client that behaves";
            return Err(RunError::Failed(text.to_owned()));
        }
        self.scene.leader.pause(QUIET)
    }

    /// Ends all threads, sees that the server still lets in a client that behaves, and adds up.
    fn finish(self, figures: &mut Figures) -> Result<Scene<'a>, RunError> {
        let (mut scene, meters) = (self.scene, &self.meters);
        let open_at_end = load(&meters.slow_open);
        // It first: what comes back when the attacks are over was not beside them.
        let honest = self.honest.map(Crew::stop).transpose()?;
        let mut losses = Losses::new();
        for done in self.attackers.stop()? {
            add_losses(&mut losses, &done.app.losses);
        }
        meters.is_over.store(true, Ordering::Release);
        let patience = Duration::try_from_secs_f64(self.args.patience).unwrap_or_default();
        let has_ended = || load(&meters.garbage_busy) == 0;
        scene
            .leader
            .pause_unless(patience + CONNECTING, has_ended)?;
        let mut tally = Tally::new();
        let mut failures = Vec::new();
        for done in self.intruders.stop()? {
            tally.merge(&done.app.tally);
            failures.push(done.failures);
        }
        let conns = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        let form = Form::new(0, 1 << 16);
        let plan = scene::plan("witness", self.targets.clone(), self.targets.len(), &form);
        let witnesses = scene.crew(plan, |_| Idlers::new())?;
        scene.leader.mark("those that behave", None);
        scene.open_all(&witnesses.control, conns, "that behave")?;
        let mut took = Recorder::new();
        for done in witnesses.stop()? {
            took.merge(&done.app.took);
            failures.push(done.failures);
        }
        let opening = &mut scene.base.opening;
        failures.iter().for_each(|all| opening.add_failures(all));
        figures.connect_to_live = took.percentiles();
        figures.echo = honest.map(honest::echo);
        figures.attacks = attackers::told(self.attacks.wanted, losses);
        figures.tell_of(self.args, meters, tally, open_at_end);
        Ok(scene)
    }
}

/// Source addresses of attackers, after those of slow heads and garbage.
const FIRST_SOURCE: usize = (1 << 12) * crate::socket::CONNS_PER_ADDRESS as usize;

impl Figures {
    /// Fills in what became of slow heads and garbage.
    fn tell_of(&mut self, args: &HostileArgs, meters: &Meters, tally: Tally, open_at_end: u64) {
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
