//! The echo run: every connection has one message under way.

mod pinger;

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;

use crate::app::{Done, Plan};
use crate::cli::EchoArgs;
use crate::clock::now_ns;
use crate::control::Control;
use crate::crew::Crew;
use crate::echo::pinger::{Pingers, Shared};
use crate::leader::{Leader, RunError, Waited};
use crate::message::Form;
use crate::phase::{self, Phase};
use crate::preflight;
use crate::record::{Percentiles, Recorder};
use crate::report::{ClientCost, Findings, Opening, ServerCost, Table, ratio};
use crate::scene;
use crate::series::{Series, Watch};
use crate::show::Stage;
use crate::url::Target;
use crate::warning::Warning;

/// All that an echo run found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) payload_bytes: u32,
    pub(crate) opening: Opening,
    pub(crate) round_trips_expected: u64,
    pub(crate) round_trips: u64,
    /// Came back changed, twice, or in another's place.
    pub(crate) wrong: u64,
    pub(crate) message_phase_s: f64,
    pub(crate) round_trips_per_s: f64,
    pub(crate) latency: Percentiles,
    pub(crate) client: ClientCost,
    pub(crate) server: Option<ServerCost>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
}

/// Sees that what is asked for is possible, without asking the server.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(args: &EchoArgs) -> Result<(), RunError> {
    scene::targets(&args.url, "echo", args.connections as usize).map(drop)
}

/// Makes the run.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side; what the server does wrong is
/// in the figures.
pub(crate) fn run(args: &EchoArgs) -> Result<Figures, RunError> {
    let targets = scene::targets(&args.url, "echo", args.connections as usize)?;
    preflight::delivers(&args.client, &targets[0], &targets[0])?;
    let expected = u64::from(args.connections) * u64::from(args.messages);
    let mut figures = Figures {
        urls: targets.iter().map(Target::to_string).collect(),
        payload_bytes: args.payload,
        round_trips_expected: expected,
        ..Figures::default()
    };
    let shared = Arc::new(Shared {
        go: AtomicBool::new(false),
        returned: AtomicU64::new(0),
        expected,
    });
    let mut leader = Leader::new(&args.client).until(&args.phase);
    let crew = start(args, targets, &shared, &leader)?;
    let control = Arc::clone(&crew.control);
    leader.watch(watch(args, &crew, &shared));
    let start_ns = now_ns();
    let conns = u64::from(args.connections);
    control.open(conns);
    let mut waited = leader.wait_live(&control, conns, "connections")?;
    figures.opening = Opening::new(args.connections, &control, start_ns);
    let mut spent = Phase::default();
    if waited == Waited::Done {
        let go = |_| {
            shared.go.store(true, Ordering::Release);
            control.ring_all();
        };
        let pid = args.client.server_pid;
        (waited, spent) = phase::measure(pid, &crew.tids, go, &mut leader, |leader| {
            leader.wait_done(
                Stage::of("round trips", expected),
                || shared.returned.load(Ordering::Relaxed),
                || control.ended.load(Ordering::Acquire) > 0,
            )
        })?;
    }
    figures.opening.ended_early = control.ended.load(Ordering::Acquire);
    add_up(crew.stop()?, &mut figures);
    figures.message_phase_s = spent.wall_s;
    figures.round_trips_per_s = ratio(figures.round_trips as f64, spent.wall_s);
    figures.server = args
        .client
        .server_pid
        .map(|_| ServerCost::new(spent.server, figures.round_trips, spent.wall_s));
    figures.series = leader.finish();
    figures.warnings = Warning::find(&spent.client, None);
    figures.client = spent.client;
    figures.passed = waited == Waited::Done
        && figures.round_trips == expected
        && figures.wrong + figures.opening.ended_early == 0;
    Ok(figures)
}

fn watch(args: &EchoArgs, crew: &Crew<Pingers>, shared: &Arc<Shared>) -> Watch {
    let mut watch = Watch {
        server_pid: args.client.server_pid,
        tids: crew.tids.clone(),
        ..Watch::default()
    };
    let (control, shared) = (Arc::clone(&crew.control), Arc::clone(shared));
    watch.gauge("connections", move || control.open_now());
    watch.counter("round_trips_per_s", move || {
        shared.returned.load(Ordering::Relaxed)
    });
    watch
}

fn start(
    args: &EchoArgs,
    targets: Vec<Target>,
    shared: &Arc<Shared>,
    leader: &Leader,
) -> Result<Crew<Pingers>, RunError> {
    let conns = args.connections as usize;
    let threads = scene::threads(&args.client, conns)?;
    let form = Form::new(process::id(), args.payload as usize);
    let plan = scene::plan("echo", targets, conns, &form);
    let crew = Crew::start(
        plan,
        Arc::new(Control::new(threads)?),
        &[],
        &leader.sender,
        |thread| {
            let share = Plan::share(conns, thread, threads);
            let (shared, done) = (Arc::clone(shared), leader.sender.clone());
            let meter = leader.pulse().meter();
            Pingers::new(share, args.messages, form.clone(), (shared, meter), done)
        },
    )?;
    Ok(crew)
}

fn add_up(threads: Vec<Done<Pingers>>, figures: &mut Figures) {
    let mut latency = Recorder::new();
    for Done { app, failures, .. } in threads {
        figures.round_trips += app.returned;
        figures.wrong += app.wrong;
        latency.merge(&app.latency.finish());
        figures.opening.add_failures(&failures);
    }
    figures.latency = latency.percentiles();
}

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::of_load(self.passed, &self.urls);
        table.opening(&self.opening);
        table.row(
            "round trips",
            format!(
                "{} of {} with {} B in {:.2} s, {:.0}/s",
                self.round_trips,
                self.round_trips_expected,
                self.payload_bytes,
                self.message_phase_s,
                self.round_trips_per_s
            ),
        );
        table.row("wrong", self.wrong.to_string());
        table.percentiles("latency", &self.latency);
        table.cost(&self.client, self.server.as_ref(), "round trip");
        table.warnings(&self.warnings);
        table
    }
}
