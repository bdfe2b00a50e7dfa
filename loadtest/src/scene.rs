//! What the commands that load a server have in common: targets, threads, crews, phases, memory.

use std::sync::Arc;
use std::time::Duration;

use crate::app::{App, Place, Plan, Reading};
use crate::clock::now_ns;
use crate::control::{Control, load};
use crate::crew::{self, Crew};
use crate::figures::Base;
use crate::flags::ClientArgs;
use crate::leader::{Leader, RunError, Waited};
use crate::message::Form;
use crate::opener::Habits;
use crate::phase::{self, Phase};
use crate::procfs;
use crate::record::Percentiles;
use crate::report::{ClientCost, Findings, Opening, ServerCost};
use crate::series::Watch;
use crate::url::Target;

pub(crate) use crate::targets::{check_ports, fresh_run, publish_target, targets, topic_of};
use crate::warning::Warning;

/// A command that makes a run and has figures to tell.
pub(crate) trait Scenario {
    type Figures: Findings;

    fn client(&self) -> &ClientArgs;
    /// Sees that what is asked for is possible, without asking the server.
    fn check(&self) -> Result<(), RunError>;
    /// Makes the run. An error is of the flags or of this side; what the server does wrong is in the
    /// figures.
    fn run(&self) -> Result<Self::Figures, RunError>;
}

/// One run: its leader, its crews, and the figures that all have.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    client: &'a ClientArgs,
    pub(crate) leader: Leader,
    pub(crate) base: Base,
    pub(crate) tids: Vec<u32>,
    crews: Vec<Arc<Control>>,
}

/// Memory is read when the server has had this long to come to rest.
const SETTLE_MEMORY: Duration = Duration::from_millis(200);

impl<'a> Scene<'a> {
    pub(crate) fn new(client: &'a ClientArgs, leader: Leader, targets: &[Target]) -> Self {
        Self {
            client,
            leader,
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

    pub(crate) fn threads(&self, conns: usize) -> Result<usize, RunError> {
        threads(self.client, conns)
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
        plan: Plan,
        control: Arc<Control>,
        rings: &[&Control],
        app: impl FnMut(Place) -> A,
    ) -> Result<Crew<A>, RunError> {
        let keep: Vec<_> = rings.iter().flat_map(|crew| crew.descriptors()).collect();
        let crew = Crew::start(plan, control, &keep, &self.leader.sender, app)?;
        self.tids.extend(&crew.tids);
        self.crews.push(Arc::clone(&crew.control));
        Ok(crew)
    }

    /// What a series shows: connections that are open, the server, this program's threads.
    pub(crate) fn watch(&self) -> Watch {
        watch(self.pid(), self.crews.clone(), self.tids.clone())
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
        phase::measure(self.pid(), &self.tids, start, &mut self.leader, wait)
    }

    /// Measures a phase after which the server goes on as it does.
    pub(crate) fn measure_amid(
        &mut self,
        start: impl FnOnce(u64),
        wait: impl FnOnce(&mut Leader) -> Result<Waited, RunError>,
    ) -> Result<(Waited, Phase), RunError> {
        phase::measure_amid(self.pid(), &self.tids, start, &mut self.leader, wait)
    }

    /// The CPU time that a phase with so many messages cost the server.
    pub(crate) fn server_cost(&self, spent: &Phase, messages: u64) -> Option<ServerCost> {
        let cost = |_| ServerCost::new(spent.server, messages, spent.wall_s);
        self.pid().map(cost)
    }

    /// The server's memory once it has come to rest, in bytes; zero where its process is not known.
    pub(crate) fn pss(&mut self) -> Result<u64, RunError> {
        pss(&mut self.leader, self.client.server_pid)
    }

    /// Ends the run, once all threads have ended.
    pub(crate) fn finish(self, client: ClientCost, lateness: Option<&Percentiles>) -> Base {
        Base {
            warnings: Warning::find(&client, lateness),
            client,
            series: self.leader.finish(),
            ..self.base
        }
    }
}

/// Client threads for this many connections.
pub(crate) fn threads(client: &ClientArgs, conns: usize) -> Result<usize, RunError> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = crew::threads_for(conns, client.threads.unwrap_or(cpus).max(1))?;
    Ok(threads.min(conns.max(1)))
}

/// A plan in which nothing is out of the ordinary.
pub(crate) fn plan(name: &'static str, targets: Vec<Target>, conns: usize, form: &Form) -> Plan {
    Plan {
        name,
        targets,
        conns,
        payload_max: form.payload_len(),
        gather: Duration::ZERO,
        first_source: 0,
        habits: Habits::SHORT,
        reading: Reading::All,
        deflate: false,
        numbering: None,
        raw: false,
        nice: None,
    }
}

/// Starts a crew of so many threads.
pub(crate) fn crew<A: App>(
    plan: Plan,
    threads: usize,
    leader: &Leader,
    app: impl FnMut(Place) -> A,
) -> Result<Crew<A>, RunError> {
    let control = Arc::new(Control::new(threads)?);
    Ok(Crew::start(plan, control, &[], &leader.sender, app)?)
}

/// What a series shows of crews with these counters and threads: connections that are open, and
/// the server.
pub(crate) fn watch(pid: Option<u32>, crews: Vec<Arc<Control>>, tids: Vec<u32>) -> Watch {
    let mut watch = Watch {
        server_pid: pid,
        tids,
        ..Watch::default()
    };
    watch.gauge("connections", move || {
        crews.iter().map(|crew| crew.open_now()).sum()
    });
    watch
}

/// The server's memory once it has come to rest, in bytes; zero where its process is not known.
pub(crate) fn pss(leader: &mut Leader, pid: Option<u32>) -> Result<u64, RunError> {
    if pid.is_some() {
        leader.pause(SETTLE_MEMORY)?;
    }
    pss_now(pid)
}

/// The same at once.
pub(crate) fn pss_now(pid: Option<u32>) -> Result<u64, RunError> {
    let Some(pid) = pid else { return Ok(0) };
    procfs::pss_bytes(pid)
        .map_err(|error| RunError::Failed(format!("memory of process {pid}: {error}")))
}
