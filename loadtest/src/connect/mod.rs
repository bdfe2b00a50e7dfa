//! `connect`: opens connections and holds them.

pub(crate) mod cli;
mod figures;
pub(crate) mod idlers;

use std::sync::Arc;

use crate::app::Plan;
use crate::client::Link;
use crate::clock::{now_ns, seconds};
use crate::connect::cli::ConnectArgs;
pub(crate) use crate::connect::figures::Figures;
use crate::connect::figures::Server;
use crate::connect::idlers::Idlers;
use crate::control::{Control, load};
use crate::flags::ClientArgs;
use crate::leader::{Leader, RunError, Waited};
use crate::message::Form;
use crate::opener::Habits;
use crate::phase::Phase;
use crate::preflight;
use crate::record::Recorder;
use crate::report::{Opening, add_counts};
use crate::scene::{self, Scenario, Scene};
use crate::targets::Topic;

impl Scenario for ConnectArgs {
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn check(&self) -> Result<(), RunError> {
        self.at.start(self.connections).map(drop)
    }

    fn run(&self) -> Result<Figures, RunError> {
        let Topic { run, targets, .. } = self.at.start(self.connections)?;
        let conns = self.connections as usize;
        preflight::connects(&self.client, &targets[0])?;
        let mut scene = Scene::new(&self.client, Leader::new(&self.client), &targets);
        let plan = Plan {
            habits: Habits {
                window: self.window,
                ..Habits::SHORT
            },
            ..scene::plan("connection", targets, conns, &Form::new(run, 0))
        };
        let crew = scene.crew(plan, |_| Idlers::new())?;
        let mut watch = scene.watch();
        let control = Arc::clone(&crew.control);
        watch.counter("opened_per_s", move || load(&control.live));
        scene.leader.watch(watch);
        let before = scene.pss()?;
        let (opened, opening) = open(self, &crew.control, &mut scene)?;
        let connected = scene.pss()?;
        let hold = |leader: &mut Leader| leader.pause(self.hold).map(|()| Waited::Done);
        let (_, holding) = scene.measure_amid(|_| (), hold)?;
        scene.base.opening.ended_early = scene.ended();
        let live = scene.base.opening.live;
        let idle = (!self.hold.is_zero()).then_some(&holding);
        let server = |_| Server::new(&opening, idle, live, (before, connected));
        let mut figures = Figures {
            rate_per_s: self.rate,
            window: self.window,
            hold_s: holding.wall_s,
            server: scene.pid().map(server),
            client_link_bytes: size_of::<Link>(),
            ..Figures::default()
        };
        let mut took = Recorder::new();
        for done in crew.stop()? {
            took.merge(&done.app.took);
            figures.unexpected_messages += done.app.messages;
            figures.pings_answered += done.pings;
            scene.base.opening.add_failures(&done.failures);
            add_counts(&mut figures.ended_early_by_kind, &done.app.ended);
        }
        figures.connect_to_live = took.percentiles();
        scene.base.passed = opened == Waited::Done
            && scene.base.opening.ended_early == 0
            && figures.unexpected_messages == 0;
        figures.base = scene.finish(opening.client, None);
        Ok(figures)
    }
}

/// Opens all connections, at the rate that was asked for.
fn open(
    args: &ConnectArgs,
    control: &Control,
    scene: &mut Scene<'_>,
) -> Result<(Waited, Phase), RunError> {
    let conns = u64::from(args.connections);
    let start = now_ns();
    let begin = |_| match args.rate {
        Some(_) => {}
        None => control.open(conns),
    };
    let opened = scene.measure(begin, |leader| {
        if let Some(rate) = args.rate {
            let open = || open_by_now(control, conns, rate, start);
            leader.wait_for("connections", conns, open, || false)?;
        }
        leader.wait_live(control, conns, "connections")
    })?;
    scene.base.opening = Opening::new(args.connections, control, start);
    Ok(opened)
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
