//! `hostile`: misbehaves on purpose, and sees what the server makes of it.

mod attack;
mod cli;
mod figures;
mod foes;
mod orders;
mod script;
mod witness;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::check::message::Form;
use crate::client::Plan;
use crate::client::control::{Control, load};
use crate::client::crew::Crew;
use crate::client::opener::{Habits, WINDOW};
use crate::client::socket::CONNS_PER_ADDRESS;
use crate::clock::{now_ns, seconds};
use crate::commands::hostile::attack::Attack;
pub(crate) use crate::commands::hostile::cli::HostileArgs;
use crate::commands::hostile::cli::Setup;
pub(crate) use crate::commands::hostile::figures::Figures;
use crate::commands::hostile::figures::Server;
use crate::commands::hostile::foes::{Foes, MESSAGE_BYTES_MAX};
use crate::commands::hostile::orders::{Meters, Orders, Tally};
use crate::commands::hostile::witness::{CONNECTIONS, Witness};
use crate::flags::ClientArgs;
use crate::host::procfs;
use crate::pubsub::Audience;
use crate::report::figures::Found;
use crate::run::leader::{Leader, RunError, Waited};
use crate::run::targets::fresh_run;
use crate::run::{Scenario, Scene, plan, preflight, pss_now};
use crate::url::Target;

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

impl HostileArgs {
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
        self.orders()
    }

    fn run(&self, setup: Setup) -> Result<Found<Figures>, RunError> {
        preflight::connects(&self.client, &setup.orders.targets[0])?;
        let mut run = Run::start(self, setup)?;
        run.look_at_the_quiet()?;
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
        let mut figures = Figures {
            nice: self.nice,
            seed: self.seed,
            duration_s: spent.wall_s,
            turns: run.scene.base.admin.map(|admin| admin.turns),
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
        Ok(scene.finish(0.0, figures))
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
        let (mut threads, mut failures) = (self.attackers.stop()?, Vec::new());
        meters.is_over.store(true, Ordering::Release);
        let patience = Duration::try_from_secs_f64(self.args.patience).unwrap_or_default();
        let has_ended = || load(&meters.garbage_busy) == 0;
        let leader = &mut scene.leader;
        leader.pause_unless(patience + CONNECTING, has_ended)?;
        for done in self.foes.stop()? {
            // What failed of the attackers is told of their attacks.
            failures.push(done.failures.clone());
            threads.push(done);
        }
        let mut tally = Tally::default();
        threads.iter().for_each(|done| tally.merge(&done.app.tally));
        let conns = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        let form = Form::new(0, 1 << 16);
        let last = plan("last", self.targets.clone(), self.targets.len(), &form);
        let last = Audience::silent(&mut scene, last, &form)?;
        scene.leader.mark("those that behave", None);
        scene.open_all(last.control(), conns, "that behave")?;
        let opening = &mut scene.base.opening;
        failures.iter().for_each(|all| opening.add_failures(all));
        figures.connect_to_live = last.stop(0, opening)?.took.percentiles();
        figures.echo = witness.map(witness::echo);
        figures.tell(self.args, meters, tally, &self.wanted);
        Ok(scene)
    }
}
