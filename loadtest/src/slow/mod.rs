//! The run in which some read slowly.

pub(crate) mod cli;
mod figures;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::app::{Plan, Reading};
use crate::audience::{Audience, Publisher};
use crate::churn::Churn;
use crate::clock::now_ns;
use crate::leader::{Leader, RunError, Waited};
use crate::listeners::Hall;
use crate::message::Form;
use crate::phase;
use crate::preflight;
use crate::report::{Opening, ServerCost};
use crate::scene;
use crate::series::Watch;
use crate::slow::cli::SlowArgs;
pub(crate) use crate::slow::figures::Figures;
use crate::url::Target;
use crate::warning::Warning;

/// The threads of a run.
#[derive(Debug)]
struct Run<'a> {
    args: &'a SlowArgs,
    leader: Leader,
    others: Audience,
    slow: Audience,
    publisher: Publisher,
}

/// Slow readers that got nothing for so long have read all that was left for them.
const QUIET: Duration = Duration::from_millis(500);

/// Sees that what is asked for is possible, without asking the server.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(args: &SlowArgs) -> Result<(), RunError> {
    if args.connections <= args.slow {
        return Err(RunError::Usage(
            "--slow must be below --connections".to_owned(),
        ));
    }
    let targets = scene::targets(&args.url, "slow", args.connections as usize)?;
    scene::publish_target(args.publish_url.as_ref(), "slow", &targets[0]).map(drop)
}

/// Makes the run.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side; what the server does wrong is
/// in the figures.
pub(crate) fn run(args: &SlowArgs) -> Result<Figures, RunError> {
    check(args)?;
    let mut figures = Figures {
        payload_bytes: args.payload,
        rate_per_s: args.rate,
        ..Figures::default()
    };
    let mut run = Run::start(args, &mut figures)?;
    let mut waited = run.open(&mut figures)?;
    if waited == Waited::Done {
        waited = run.load(&mut figures)?;
    }
    run.finish(waited, &mut figures)?;
    Ok(figures)
}

impl<'a> Run<'a> {
    fn start(args: &'a SlowArgs, figures: &mut Figures) -> Result<Self, RunError> {
        let run = scene::fresh_run();
        let topic = scene::topic_of(run, args.topic.as_ref());
        let (all, slow) = (args.connections as usize, args.slow as usize);
        let targets = scene::targets(&args.url, &topic, all)?;
        figures.urls = targets.iter().map(Target::to_string).collect();
        let publish_target = scene::publish_target(args.publish_url.as_ref(), &topic, &targets[0])?;
        preflight::delivers(&args.client, &targets[0], &publish_target)?;
        let form = Form::new(run, args.payload as usize);
        let leader = Leader::new(&args.client);
        let publisher = Publisher::start(publish_target, &form, Some(args.rate), all, &leader)?;
        let audience = |plan: Plan, is_slow: bool| {
            let threads = scene::threads(&args.client, plan.conns)?;
            let mut hall = Hall::new(Churn::none(), None);
            hall.returns = is_slow && args.rounds > 1;
            hall.is_in_series = !is_slow;
            Audience::start(plan, threads, &form, &publisher.schedule, hall, &leader)
        };
        let plan = scene::plan("reader", targets.clone(), all - slow, &form);
        let others = audience(plan, false)?;
        let plan = Plan {
            first_source: all - slow,
            reading: Reading::Slowly {
                bytes_per_s: args.slow_rate.unwrap_or(0),
                buffer: args.slow_buffer,
            },
            ..scene::plan("slow", targets, slow, &form)
        };
        let slow = audience(plan, true)?;
        let mut run = Self {
            args,
            leader,
            others,
            slow,
            publisher,
        };
        run.leader.watch(run.watched());
        Ok(run)
    }

    /// What the series shows.
    fn watched(&self) -> Watch {
        let crews = [self.others.control(), self.slow.control()].map(Arc::clone);
        let tids = [&self.others.crew.tids[..], &self.publisher.crew.tids].concat();
        let mut watch = scene::watch(self.args.client.server_pid, crews.to_vec(), tids);
        let (others, slow) = (Arc::clone(&self.others.hall), Arc::clone(&self.slow.hall));
        watch.counter("deliveries_per_s", move || others.delivered());
        watch.counter("deliveries_to_slow_per_s", move || slow.delivered());
        watch
    }

    fn open(&mut self, figures: &mut Figures) -> Result<Waited, RunError> {
        let slow = u64::from(self.args.slow);
        let others = u64::from(self.args.connections) - slow;
        let start = now_ns();
        let mut waited = self.others.open(others, "readers", &mut self.leader)?;
        figures.opening = Opening::new(self.args.connections, self.others.control(), start);
        if waited == Waited::Done {
            waited = self.slow.open(slow, "slow readers", &mut self.leader)?;
        }
        figures.opening.live += self.slow.control().live.load(Ordering::Acquire);
        if waited == Waited::Done {
            waited = self.publisher.open(&mut self.leader)?;
        }
        Ok(waited)
    }

    /// All rounds, and then what is left for the slow ones.
    fn load(&mut self, figures: &mut Figures) -> Result<Waited, RunError> {
        self.publisher.begin();
        for round in 0..self.args.rounds {
            // Which half comes first alternates, as the speed of a host drifts.
            for half in [round, round + 1] {
                if half.is_multiple_of(2) {
                    self.leader.pause(self.args.duration)?;
                    figures.server_pss_before_bytes = self.pss()?;
                } else {
                    self.half_with_slow(figures)?;
                }
            }
        }
        let sent = self.publisher.end(&mut self.leader)?;
        let others = u64::from(self.args.connections - self.args.slow);
        let waited = self.others.hear_all(others, sent, &mut self.leader)?;
        self.catch_up()?;
        Ok(waited)
    }

    fn half_with_slow(&mut self, figures: &mut Figures) -> Result<(), RunError> {
        let (slow, hall) = (
            Arc::clone(self.slow.control()),
            Arc::clone(&self.others.hall),
        );
        let (pid, duration) = (self.args.client.server_pid, self.args.duration);
        let tids = [&self.others.crew.tids[..], &self.publisher.crew.tids].concat();
        self.leader.mark("slow ones stop reading", None);
        let before = hall.delivered();
        let begin = |now| {
            slow.read_slowly(true);
            hall.to_ns.store(u64::MAX, Ordering::Relaxed);
            hall.from_ns.store(now, Ordering::Release);
        };
        let (_, spent) = phase::measure_amid(pid, &tids, begin, &mut self.leader, |leader| {
            leader.pause(duration)?;
            Ok(Waited::Done)
        })?;
        let delivered = hall.delivered() - before;
        figures.server_pss_beside_slow_bytes = self.pss()?;
        figures.server = pid.map(|_| ServerCost::new(spent.server, delivered, spent.wall_s));
        figures.client = spent.client;
        self.leader.mark("slow ones read on", None);
        slow.read_slowly(false);
        self.leader.pause(QUIET)?;
        // What the slow ones have to read yet is not without them.
        hall.to_ns.store(now_ns(), Ordering::Release);
        Ok(())
    }

    /// Waits until the slow ones have read what was left for them.
    fn catch_up(&mut self) -> Result<(), RunError> {
        loop {
            let heard = || (self.slow.hall.delivered(), self.slow.ended());
            let before = heard();
            self.leader.pause(QUIET)?;
            if before == (self.slow.hall.delivered(), self.slow.ended()) {
                return Ok(());
            }
        }
    }

    fn pss(&self) -> Result<Option<u64>, RunError> {
        let pid = self.args.client.server_pid;
        pid.map(|_| scene::pss_now(pid)).transpose()
    }

    fn finish(self, waited: Waited, figures: &mut Figures) -> Result<(), RunError> {
        let sent = self.publisher.schedule.sent();
        let is_over = self.publisher.has_ended();
        figures.opening.ended_early = self.others.ended();
        figures.messages_sent = sent;
        figures.lateness = self.publisher.stop(&mut figures.opening)?.percentiles();
        let others = self.others.stop(sent)?;
        figures.opening.add_failures(&others.failures);
        let [mut without, beside, after] = others.latency;
        without.merge(&after);
        figures.latency_without_slow = without.percentiles();
        figures.latency_beside_slow = beside.percentiles();
        figures.deliveries = others.deliveries;
        let heard = self.slow.stop(sent)?;
        figures.opening.add_failures(&heard.failures);
        let slow = &heard.deliveries;
        figures.slow.readers = self.args.slow;
        figures.slow.bytes_per_s = self.args.slow_rate.unwrap_or(0);
        figures.slow.messages_got = slow.got;
        figures.slow.messages_missed = slow.lost;
        figures.slow.messages_faulty = slow.duplicated + slow.reordered + slow.foreign;
        figures.slow.ended = heard.ended;
        figures.warnings = Warning::find(&figures.client, Some(&figures.lateness));
        figures.series = self.leader.finish();
        figures.passed = waited == Waited::Done
            && !is_over
            && figures.opening.ended_early == 0
            && figures.deliveries.is_clean()
            && figures.slow.messages_faulty == 0;
        Ok(())
    }
}
