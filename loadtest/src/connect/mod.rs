//! The run that opens connections and holds them.

pub(crate) mod cli;
mod figures;
mod idler;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::app::{Done, Plan};
use crate::clock::{now_ns, seconds};
use crate::connect::cli::ConnectArgs;
pub(crate) use crate::connect::figures::Figures;
use crate::connect::figures::Server;
use crate::connect::idler::Idlers;
use crate::control::Control;
use crate::crew::Crew;
use crate::leader::{Leader, RunError, Waited};
use crate::message::Form;
use crate::opener::Habits;
use crate::phase::{self, Phase};
use crate::preflight;
use crate::record::Recorder;
use crate::report::{Opening, add_counts};
use crate::scene;
use crate::url::Target;
use crate::warning::Warning;

/// Sees that what is asked for is possible, without asking the server.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(args: &ConnectArgs) -> Result<(), RunError> {
    scene::targets(&args.url, "connect", args.connections as usize).map(drop)
}

/// Makes the run.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side; what the server does wrong is
/// in the figures.
pub(crate) fn run(args: &ConnectArgs) -> Result<Figures, RunError> {
    let run = scene::fresh_run();
    let topic = scene::topic_of(run, args.topic.as_ref());
    let conns = args.connections as usize;
    let targets = scene::targets(&args.url, &topic, conns)?;
    preflight::connects(&args.client, &targets[0])?;
    let mut figures = Figures::new();
    figures.urls = targets.iter().map(Target::to_string).collect();
    (figures.rate_per_s, figures.window) = (args.rate, args.window);
    let threads = scene::threads(&args.client, conns)?;
    let plan = Plan {
        habits: Habits {
            window: args.window,
            ..Habits::SHORT
        },
        ..scene::plan("connection", targets, conns, &Form::new(run, 0))
    };
    let mut leader = Leader::new(&args.client);
    let crew = scene::crew(plan, threads, &leader, |_, _, _| Idlers::new())?;
    let pid = args.client.server_pid;
    let mut watch = scene::watch(pid, vec![Arc::clone(&crew.control)], crew.tids.clone());
    let control = Arc::clone(&crew.control);
    watch.counter("opened_per_s", move || control.live.load(Ordering::Acquire));
    leader.watch(watch);
    let before = scene::pss(&mut leader, pid)?;
    let (opened, opening) = open(args, &crew, &mut leader, &mut figures)?;
    let connected = scene::pss(&mut leader, pid)?;
    let (_, holding) = phase::measure_amid(
        pid,
        &crew.tids,
        |_| (),
        &mut leader,
        |leader| {
            leader.pause(args.hold)?;
            Ok(Waited::Done)
        },
    )?;
    figures.hold_s = holding.wall_s;
    figures.opening.ended_early = crew.control.ended.load(Ordering::Acquire);
    let live = figures.opening.live;
    let idle = (!args.hold.is_zero()).then_some(&holding);
    figures.server = pid.map(|_| Server::new(&opening, idle, live, (before, connected)));
    figures.warnings = Warning::find(&opening.client, None);
    figures.client = opening.client;
    add_up(crew.stop()?, &mut figures);
    figures.series = leader.finish();
    figures.passed = opened == Waited::Done
        && figures.opening.ended_early == 0
        && figures.unexpected_messages == 0;
    Ok(figures)
}

/// Opens all connections, at the rate that was asked for.
fn open(
    args: &ConnectArgs,
    crew: &Crew<Idlers>,
    leader: &mut Leader,
    figures: &mut Figures,
) -> Result<(Waited, Phase), RunError> {
    let conns = u64::from(args.connections);
    let control = Arc::clone(&crew.control);
    let start = now_ns();
    let (pid, tids) = (args.client.server_pid, &crew.tids);
    let begin = |_| match args.rate {
        Some(_) => {}
        None => control.open(conns),
    };
    let (waited, phase) = phase::measure(pid, tids, begin, leader, |leader| {
        if let Some(rate) = args.rate {
            leader.wait_for(
                "connections",
                conns,
                || open_by_now(&control, conns, rate, start),
                || false,
            )?;
        }
        leader.wait_live(&control, conns, "connections")
    })?;
    figures.opening = Opening::new(args.connections, &control, start);
    Ok((waited, phase))
}

/// Lets as many be opened as the rate asks for by now; returns how many.
fn open_by_now(control: &Control, conns: u64, rate: f64, start: u64) -> u64 {
    let due = (seconds(start, now_ns()) * rate).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never negative, and capped"
    )]
    let due = (due as u64).min(conns);
    control.open(due);
    due
}

fn add_up(threads: Vec<Done<Idlers>>, figures: &mut Figures) {
    let mut took = Recorder::new();
    for Done {
        app,
        failures,
        pings,
        ..
    } in threads
    {
        took.merge(&app.took);
        figures.unexpected_messages += app.messages;
        figures.pings_answered += pings;
        figures.opening.add_failures(&failures);
        add_counts(&mut figures.ended_early_by_kind, &app.ended);
    }
    figures.connect_to_live = took.percentiles();
}
