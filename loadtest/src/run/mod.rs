//! What the commands that load a server have in common: crews, phases, memory.

pub(crate) mod leader;
pub(crate) mod phase;
pub(crate) mod preflight;
pub(crate) mod record;
pub(crate) mod remote;
pub(crate) mod series;
mod show;
pub(crate) mod targets;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::check::message::Form;
use crate::client::control::{Control, load};
use crate::client::crew::{self, Crew};
use crate::client::{App, Place, Plan};
use crate::clock::now_ns;
use crate::flags::ClientArgs;
use crate::host::admin::Reading;
use crate::host::procfs;
use crate::host::warning::Warning;
use crate::report::figures::{Base, Found};
use crate::report::{Opening, ServerCost};
use crate::run::leader::{Leader, RunError, Waited};
use crate::run::phase::Phase;
use crate::run::series::Watch;
use crate::url::Target;

pub(crate) use crate::run::show::Stage;

/// A command that makes a run and has figures to tell.
pub(crate) trait Scenario {
    /// What is asked for, checked.
    type Setup;
    type Figures: Serialize;

    fn client(&self) -> &ClientArgs;
    /// Sees that what is asked for is possible, without asking the server.
    fn setup(&self) -> Result<Self::Setup, RunError>;
    /// Makes the run. An error is of the flags or of this side; what the server does wrong is in
    /// the figures.
    fn run(&self, setup: Self::Setup) -> Result<Found<Self::Figures>, RunError>;
}

/// One run: its leader, its crews, and the figures that all have.
pub(crate) struct Scene<'a> {
    client: &'a ClientArgs,
    pub(crate) leader: Leader,
    pub(crate) base: Base,
    tids: Vec<u32>,
    crews: Vec<Arc<Control>>,
}

/// Memory is read when the server has had this long to come to rest.
const SETTLE_MEMORY: Duration = Duration::from_millis(200);

impl<'a> Scene<'a> {
    pub(crate) fn client(&self) -> &'a ClientArgs {
        self.client
    }

    pub(crate) fn new(client: &'a ClientArgs, targets: &[Target]) -> Self {
        Self {
            client,
            leader: Leader::new(client),
            base: Base {
                urls: targets.iter().map(Target::to_string).collect(),
                ..Base::default()
            },
            tids: Vec::new(),
            crews: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.client.server_pid
    }

    /// Client threads for this many connections.
    pub(crate) fn threads(&self, conns: usize) -> Result<usize, RunError> {
        if let Some(task) = &self.client.agents.task {
            return Ok(task.threads_for(conns));
        }
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let asked = self.client.threads.unwrap_or(cpus).max(1);
        let threads = crew::threads_for(conns, asked)?;
        Ok(threads.min(conns.max(1)))
    }

    /// Starts a crew, which does not connect yet, of as many threads as its connections need.
    pub(crate) fn crew<A: App>(
        &mut self,
        plan: Plan,
        app: impl FnMut(Place) -> A,
    ) -> Result<Crew<A>, RunError> {
        let control = Arc::new(Control::new(self.threads(plan.conns)?)?);
        self.crew_of(plan, control, &[], app)
    }

    /// The same with threads that also ring the doorbells of another crew.
    pub(crate) fn crew_of<A: App>(
        &mut self,
        mut plan: Plan,
        control: Arc<Control>,
        rings: &[&Control],
        app: impl FnMut(Place) -> A,
    ) -> Result<Crew<A>, RunError> {
        plan.part = self.client.agents.part();
        plan.tokens = self.client.tokens.tokens()?;
        plan.sources = self.client.remote.sources()?;
        let keep: Vec<_> = rings.iter().flat_map(|crew| crew.descriptors()).collect();
        let crew = Crew::start(plan, control, &keep, &self.leader.sender, app)?;
        self.tids.extend(&crew.tids);
        self.crews.push(Arc::clone(&crew.control));
        Ok(crew)
    }

    /// Adds the crews of agents.
    pub(crate) fn add(&mut self, crew: &Arc<Control>) {
        self.crews.push(Arc::clone(crew));
    }

    /// CPU time of this program's threads so far, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> Vec<u64> {
        let tids = self.tids.iter();
        tids.map(|tid| procfs::own_thread_cpu_ns(*tid)).collect()
    }

    /// What a series shows: the server and this program's threads.
    pub(crate) fn bare_watch(&self) -> Watch {
        Watch {
            server_pid: self.pid(),
            tids: self.tids.clone(),
            ..Watch::default()
        }
    }

    /// The same and the connections that are open.
    pub(crate) fn watch(&self) -> Watch {
        let (mut watch, crews) = (self.bare_watch(), self.crews.clone());
        let open = move || crews.iter().map(|crew| crew.open_now()).sum();
        watch.gauge("connections", open);
        watch
    }

    /// Lets a crew open as many connections, and waits until they are live.
    pub(crate) fn open(
        &mut self,
        crew: &Control,
        conns: u64,
        what: &str,
    ) -> Result<Waited, RunError> {
        crew.open(conns);
        self.leader.wait_live(crew, conns, what)
    }

    /// The same, and notes how that went.
    pub(crate) fn open_all(
        &mut self,
        crew: &Control,
        conns: u32,
        what: &str,
    ) -> Result<Waited, RunError> {
        let start = now_ns();
        let waited = self.open(crew, u64::from(conns), what)?;
        self.base.opening = Opening::new(conns, crew, start);
        Ok(waited)
    }

    /// Whether the server has ended a connection of any crew.
    pub(crate) fn lost(&self) -> impl Fn() -> bool + 'static {
        let crews = self.crews.clone();
        move || crews.iter().any(|crew| crew.has_ended())
    }

    /// Connections that the server has ended, of all crews.
    pub(crate) fn ended(&self) -> u64 {
        self.crews.iter().map(|crew| load(&crew.ended)).sum()
    }

    /// Measures a phase of messages, after which the server comes to rest.
    pub(crate) fn measure(
        &mut self,
        start: impl FnOnce(u64),
        wait: impl FnOnce(&mut Leader) -> Result<Waited, RunError>,
    ) -> Result<(Waited, Phase), RunError> {
        self.measure_until(phase::SETTLE, start, wait)
    }

    /// Measures a phase after which the server goes on as it does, so that no more is counted.
    pub(crate) fn measure_amid(
        &mut self,
        start: impl FnOnce(u64),
        wait: impl FnOnce(&mut Leader) -> Result<Waited, RunError>,
    ) -> Result<(Waited, Phase), RunError> {
        self.measure_until(Duration::ZERO, start, wait)
    }

    /// Measures a phase, and asks the server's admin port what it has to say of it.
    fn measure_until(
        &mut self,
        settle: Duration,
        start: impl FnOnce(u64),
        wait: impl FnOnce(&mut Leader) -> Result<Waited, RunError>,
    ) -> Result<(Waited, Phase), RunError> {
        let what = (self.pid(), &self.tids[..]);
        let ask = || self.client.remote.admin.and_then(Reading::ask);
        let before = ask();
        let measured = phase::measure(settle, what, start, &mut self.leader, wait)?;
        self.base.host_cpu = measured.1.host;
        self.base.admin = before
            .zip(ask())
            .map(|(before, after)| after.since(&before));
        Ok(measured)
    }

    /// The CPU time that a phase with so many messages cost the server.
    pub(crate) fn server_cost(&self, spent: &Phase, messages: u64) -> Option<ServerCost> {
        let cost = |_| ServerCost::new(spent.server, messages, spent.wall_s);
        self.pid().map(cost)
    }

    /// The server's memory once it has come to rest, in bytes; zero where its process is not known.
    pub(crate) fn pss(&mut self) -> Result<u64, RunError> {
        if self.pid().is_some() {
            self.leader.pause(SETTLE_MEMORY)?;
        }
        pss_now(self.pid())
    }

    /// The same at once, where its process is known.
    pub(crate) fn pss_now(&self) -> Result<Option<u64>, RunError> {
        let pid = self.pid();
        pid.map(|_| pss_now(pid)).transpose()
    }

    /// Ends the run, once all threads have ended. Its messages went out so many microseconds late,
    /// at the 99th percentile.
    pub(crate) fn finish<F>(mut self, late_us: f64, own: F) -> Found<F> {
        self.base.warnings = Warning::find(&self.base.client, late_us);
        self.base.series = self.leader.finish();
        let base = self.base;
        Found { base, own }
    }
}

/// A plan in which nothing is out of the ordinary.
pub(crate) fn plan(name: &'static str, targets: Vec<Target>, conns: usize, form: &Form) -> Plan {
    Plan {
        name,
        targets,
        conns,
        payload_max: form.payload_len(),
        ..Plan::default()
    }
}

/// The server's memory at once, in bytes; zero where its process is not known.
pub(crate) fn pss_now(pid: Option<u32>) -> Result<u64, RunError> {
    let Some(pid) = pid else { return Ok(0) };
    procfs::pss_bytes(pid)
        .map_err(|error| RunError::Failed(format!("memory of process {pid}: {error}")))
}
