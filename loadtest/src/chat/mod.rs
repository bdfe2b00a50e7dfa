//! The run in which all publish and all listen.

pub(crate) mod cli;
mod figures;
mod talkers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::{Done, Plan};
use crate::chat::cli::ChatArgs;
pub(crate) use crate::chat::figures::Figures;
use crate::chat::talkers::{Room, Talkers};
use crate::clock::now_ns;
use crate::crew::Crew;
use crate::leader::{Leader, RunError, Waited};
use crate::message::Form;
use crate::order;
use crate::phase::{self, Phase};
use crate::preflight;
use crate::reach;
use crate::record::Recorder;
use crate::report::{Opening, ServerCost, ratio};
use crate::scene;
use crate::show::Stage;
use crate::url::Target;
use crate::warning::Warning;

/// Sees that what is asked for is possible, without asking the server.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(args: &ChatArgs) -> Result<(), RunError> {
    scene::targets(&args.url, "chat", args.connections as usize).map(drop)
}

/// Makes the run.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side; what the server does wrong is
/// in the figures.
pub(crate) fn run(args: &ChatArgs) -> Result<Figures, RunError> {
    let conns = u64::from(args.connections);
    let room = Arc::new(Room {
        at_ns: AtomicU64::new(0),
        delivered: AtomicU64::new(0),
        expected: conns * conns * u64::from(args.messages),
        conns: args.connections as usize,
        quota: args.messages,
        rate: args.rate,
    });
    let mut figures = Figures {
        payload_bytes: args.payload,
        rate_per_s: args.rate,
        ..Figures::default()
    };
    let mut leader = Leader::new(&args.client).until(&args.phase);
    let crew = start(args, &room, &mut leader, &mut figures)?;
    let control = Arc::clone(&crew.control);
    let start_ns = now_ns();
    control.open(conns);
    let mut waited = leader.wait_live(&control, conns, "connections")?;
    figures.opening = Opening::new(args.connections, &control, start_ns);
    let mut spent = Phase::default();
    if waited == Waited::Done {
        let go = |now| {
            room.at_ns.store(now, Ordering::Release);
            control.ring_all();
        };
        let pid = args.client.server_pid;
        (waited, spent) = phase::measure(pid, &crew.tids, go, &mut leader, |leader| {
            leader.wait_done(
                Stage::of("deliveries", room.expected),
                || room.delivered.load(Ordering::Relaxed),
                || control.ended.load(Ordering::Acquire) > 0,
            )
        })?;
    }
    figures.opening.ended_early = control.ended.load(Ordering::Acquire);
    let received = add_up(crew.stop()?, args, &mut figures);
    figures.message_phase_s = spent.wall_s;
    figures.deliveries_per_s = ratio(figures.deliveries.got as f64, spent.wall_s);
    figures.server = args
        .client
        .server_pid
        .map(|_| ServerCost::new(spent.server, received, spent.wall_s));
    figures.warnings = Warning::find(&spent.client, figures.lateness.as_ref());
    figures.client = spent.client;
    figures.series = leader.finish();
    figures.passed =
        waited == Waited::Done && figures.opening.ended_early == 0 && figures.deliveries.is_clean();
    Ok(figures)
}

fn start(
    args: &ChatArgs,
    room: &Arc<Room>,
    leader: &mut Leader,
    figures: &mut Figures,
) -> Result<Crew<Talkers>, RunError> {
    let run = scene::fresh_run();
    let topic = scene::topic_of(run, args.topic.as_ref());
    let targets = scene::targets(&args.url, &topic, room.conns)?;
    preflight::delivers(&args.client, &targets[0], &targets[0])?;
    figures.urls = targets.iter().map(Target::to_string).collect();
    let form = Form::new(run, args.payload as usize);
    let threads = scene::threads(&args.client, room.conns)?;
    let plan = scene::plan("talker", targets, room.conns, &form);
    let crew = scene::crew(plan, threads, leader, |thread, threads, _| {
        let share = Plan::share(room.conns, thread, threads);
        let shared = (Arc::clone(room), leader.sender.clone());
        let meter = leader.pulse().meter();
        Talkers::new(share, (thread, threads), form.clone(), shared, meter)
    })?;
    let control = vec![Arc::clone(&crew.control)];
    let mut watch = scene::watch(args.client.server_pid, control, crew.tids.clone());
    let room = Arc::clone(room);
    watch.counter("deliveries_per_s", move || {
        room.delivered.load(Ordering::Acquire)
    });
    leader.watch(watch);
    Ok(crew)
}

/// Adds up what the threads found; returns messages received.
fn add_up(threads: Vec<Done<Talkers>>, args: &ChatArgs, figures: &mut Figures) -> u64 {
    let mut sent = vec![0; args.connections as usize];
    for Done { app, .. } in &threads {
        app.sent().for_each(|(number, count)| sent[number] = count);
    }
    let [mut latency, mut own, mut lateness] = std::array::from_fn(|_| Recorder::new());
    let (mut orders, mut reach) = (Vec::new(), Vec::new());
    let mut received = 0;
    for Done { app, failures, .. } in threads {
        latency.merge(&app.latency.finish());
        own.merge(&app.own);
        lateness.merge(&app.lateness);
        received += app.received;
        figures.opening.add_failures(&failures);
        figures.deliveries.foreign += app.foreign;
        let (faults, order) = app.checker.finish(&sent);
        figures.deliveries.add_faults(faults);
        orders.extend(order);
        reach.push(app.reach);
    }
    figures.messages_sent = sent.iter().copied().map(u64::from).sum();
    let deliveries = &mut figures.deliveries;
    deliveries.add_order(order::compare(orders));
    // Who waits for its own message sends no more once one is lost.
    let all = u64::from(args.connections) * u64::from(args.messages);
    deliveries.expected = figures.messages_sent.max(all) * u64::from(args.connections);
    let unsent = (all - figures.messages_sent.min(all)) * u64::from(args.connections);
    deliveries.got = deliveries.expected.saturating_sub(deliveries.lost + unsent);
    figures.latency = latency.percentiles();
    figures.own_latency = own.percentiles();
    figures.lateness = args.rate.is_some().then(|| lateness.percentiles());
    figures.reached = reach::reached(&reach);
    received
}
