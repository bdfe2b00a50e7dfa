//! `connect`: opens connections and holds them.

mod idlers;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::agents::work::{Follow, Stopped};
use crate::agents::{AgentFigures, Sum};
use crate::check::message::Form;
use crate::client::Plan;
use crate::client::control::{Control, load};
use crate::client::link::Link;
use crate::client::opener::{Habits, WINDOW};
use crate::clock::{now_ns, seconds};
use crate::commands::connect::idlers::Idlers;
use crate::flags::{ClientArgs, TopicArgs, count, duration, from_one, rate};
use crate::report::figures::Found;
use crate::report::{Counts, Opening, ratio};
use crate::run::leader::{Leader, RunError, Waited};
use crate::run::phase::Phase;
use crate::run::record::Percentiles;
use crate::run::targets::Topic;
use crate::run::{Scenario, Scene, plan, preflight};

const EXAMPLES: &str = "\
Examples, with `cargo run --release -- serve` in another terminal:
  10,000 connections as fast as they are taken, held for 30 s:
    loadtest connect --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --hold 30s \\
      --server-pid $(pidof -s corecast)
  2,000 in every second, 100 attempts under way per thread:
    loadtest connect --url 'ws://127.0.0.1:8080/sub/{topic}' -n 10000 --rate 2000 --window 100
  Over IPv6, with a server on [::1]:8080:
    loadtest connect --url 'ws://[::1]:8080/sub/{topic}' -n 1000";

/// Opens connections and holds them: accept rate, time to live, CPU and memory of each.
///
/// Nothing is published, and nothing may arrive. Fails if not all become live, if any ends before
/// the time is over, or if a message comes.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConnectArgs {
    /// Where it connects.
    #[command(flatten)]
    at: TopicArgs,
    /// Connections, at least 1.
    #[arg(short = 'n', long, default_value_t = 1000, value_parser = count())]
    connections: u32,
    /// Connections begun per second [default: as many as the window allows].
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Attempts under way per thread.
    #[arg(long, default_value_t = WINDOW, value_parser = from_one())]
    window: usize,
    /// How long to hold all connections, answering pings: seconds, or a number with s, m or h.
    #[arg(long, default_value = "10s", value_parser = duration)]
    hold: Duration,
    /// What all client commands take.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) rate_per_s: Option<f64>,
    pub(crate) window: usize,
    /// From connect(2) to live, of the tries that got there.
    pub(crate) connect_to_live: Percentiles,
    pub(crate) hold_s: f64,
    pub(crate) pings_answered: u64,
    pub(crate) ended_early_by_kind: Counts,
    /// Messages, though none was published.
    pub(crate) unexpected_messages: u64,
    pub(crate) server: Option<Server>,
    /// State of the client for each connection, beside the kernel's.
    pub(crate) client_link_bytes: usize,
    /// Those that held the connections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) agents: Vec<AgentFigures>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Server {
    cpu_us_per_connection: f64,
    user_us_per_connection: f64,
    opening_busy_cores: f64,
    /// While all were held and nothing was published, if they were held at all.
    idle_busy_cores: Option<f64>,
    pss_before_bytes: u64,
    pss_connected_bytes: u64,
    pss_bytes_per_connection: f64,
}

impl Server {
    /// From the phases, the connections that were opened, and the memory before and after.
    fn new(opening: &Phase, holding: Option<&Phase>, live: u64, pss: (u64, u64)) -> Self {
        let per_connection = ratio(opening.server.cpu_s() * 1e6, live as f64);
        Self {
            cpu_us_per_connection: per_connection,
            user_us_per_connection: per_connection * opening.server.user_share(),
            opening_busy_cores: ratio(opening.server.cpu_s(), opening.wall_s),
            idle_busy_cores: holding.map(|phase| ratio(phase.server.cpu_s(), phase.wall_s)),
            pss_before_bytes: pss.0,
            pss_connected_bytes: pss.1,
            pss_bytes_per_connection: ratio(pss.1 as f64 - pss.0 as f64, live as f64),
        }
    }
}

impl Scenario for ConnectArgs {
    type Setup = Topic;
    type Figures = Figures;

    fn client(&self) -> &ClientArgs {
        &self.client
    }

    fn setup(&self) -> Result<Topic, RunError> {
        self.at.start(&self.client, self.connections)
    }

    fn run(&self, topic: Topic) -> Result<Found<Figures>, RunError> {
        preflight::connects(&self.client, &topic.targets[0])?;
        let mut scene = Scene::new(&self.client, &topic.targets);
        let (plan, form) = self.plan(&topic);
        let idlers = Idlers::start(&mut scene, plan, &form, (topic.run, &topic.name))?;
        let mut watch = scene.watch();
        let control = Arc::clone(idlers.control());
        watch.counter("opened_per_s", move || load(&control.live));
        scene.leader.watch(watch);
        let before = scene.pss()?;
        let (opened, opening) = self.open(idlers.control(), &mut scene)?;
        let connected = scene.pss()?;
        let hold = |leader: &mut Leader| leader.pause(self.hold).map(|()| Waited::Done);
        let (_, holding) = scene.measure_amid(|_| (), hold)?;
        scene.base.opening.ended_early = scene.ended();
        let live = scene.base.opening.live;
        let idle = (!self.hold.is_zero()).then_some(&holding);
        let server = |_| Server::new(&opening, idle, live, (before, connected));
        let server = scene.pid().map(server);
        let Sum {
            heard,
            client,
            agents,
        } = idlers.stop(&mut scene.base.opening)?;
        let figures = Figures {
            rate_per_s: self.rate,
            window: self.window,
            connect_to_live: heard.took.percentiles(),
            hold_s: holding.wall_s,
            pings_answered: heard.pings,
            ended_early_by_kind: heard.ended,
            unexpected_messages: heard.received,
            server,
            client_link_bytes: size_of::<Link>(),
            agents,
        };
        scene.base.passed = opened == Waited::Done
            && scene.base.opening.ended_early == 0
            && figures.unexpected_messages == 0
            && figures.agents.iter().all(|agent| agent.lost.is_none());
        scene.base.client = match figures.agents[..] {
            [] => opening.client,
            _ => client,
        };
        Ok(scene.finish(0.0, figures))
    }
}

impl ConnectArgs {
    fn plan(&self, topic: &Topic) -> (Plan, Form) {
        let form = Form::new(topic.run, 0);
        let conns = self.connections as usize;
        let plan = Plan {
            habits: Habits {
                window: self.window,
                ..Habits::default()
            },
            ..plan("connection", topic.targets.clone(), conns, &form)
        };
        (plan, form)
    }

    /// Makes the part of an agent.
    pub(crate) fn part(&self, topic: &Topic, follow: Follow<'_>) -> Result<Stopped, RunError> {
        let (plan, form) = self.plan(topic);
        let scene = Scene::new(&self.client, &topic.targets);
        idlers::part(scene, plan, &form, follow)
    }

    /// Opens all connections, at the rate that was asked for.
    fn open(&self, control: &Control, scene: &mut Scene<'_>) -> Result<(Waited, Phase), RunError> {
        let (conns, start) = (u64::from(self.connections), now_ns());
        let opened = scene.measure(
            |_| match self.rate {
                Some(_) => {}
                None => control.open(conns),
            },
            |leader| {
                if let Some(rate) = self.rate {
                    let open = || open_by_now(control, conns, rate, start);
                    leader.wait_for("connections", conns, open, || false)?;
                }
                leader.wait_live(control, conns, "connections")
            },
        )?;
        scene.base.opening = Opening::new(self.connections, control, start);
        Ok(opened)
    }
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
