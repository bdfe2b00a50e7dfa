//! The run over many topics.

pub(crate) mod cli;
mod figures;
mod publisher;
mod schedule;
mod subscriber;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::{Done, Numbering, Plan};
use crate::clock::{now_ns, seconds};
use crate::crew::{self, Crew};
use crate::leader::{Leader, RunError, Waited};
use crate::message::Form;
use crate::order::{self, Order};
use crate::phase::{self, Phase};
use crate::preflight;
use crate::record::Recorder;
use crate::report::{Opening, ServerCost, ratio};
use crate::scene;
use crate::topics::cli::TopicsArgs;
pub(crate) use crate::topics::figures::Figures;
use crate::topics::figures::Memory;
use crate::topics::publisher::Publishers;
use crate::topics::schedule::Schedule;
use crate::topics::subscriber::Subscribers;
use crate::url::{NUMBER_PLACE, Protocol, Target};
use crate::warning::Warning;

/// The threads of a run.
#[derive(Debug)]
struct Run<'a> {
    args: &'a TopicsArgs,
    leader: Leader,
    schedule: Arc<Schedule>,
    subscribers: Crew<Subscribers>,
    publishers: Crew<Publishers>,
    delivered: Arc<AtomicU64>,
    start_ns: Arc<AtomicU64>,
}

/// Sees that what is asked for is possible, without asking the server.
///
/// # Errors
///
/// Flags that ask for the impossible.
pub(crate) fn check(args: &TopicsArgs) -> Result<(), RunError> {
    let topic = format!("topic-{NUMBER_PLACE}");
    let targets = scene::targets(&args.url, &topic, args.connections as usize)?;
    let publish_target = scene::publish_target(args.publish_url.as_ref(), &topic, &targets[0])?;
    check_numbers(&[&targets[..], std::slice::from_ref(&publish_target)].concat())
}

/// Makes the run.
///
/// # Errors
///
/// Flags that ask for the impossible, or a failure on this side; what the server does wrong is
/// in the figures.
pub(crate) fn run(args: &TopicsArgs) -> Result<Figures, RunError> {
    check(args)?;
    let mut figures = Figures {
        topics: args.topics,
        publishers_per_topic: args.publishers,
        payload_bytes: args.payload,
        rate_per_s: args.rate,
        ..Figures::default()
    };
    let mut run = Run::start(args, &mut figures)?;
    let mut waited = run.open(&mut figures)?;
    let mut spent = Phase::default();
    if waited == Waited::Done {
        (waited, spent) = run.load()?;
    }
    run.finish(&spent, &mut figures)?;
    figures.passed =
        waited == Waited::Done && figures.opening.ended_early == 0 && figures.deliveries.is_clean();
    Ok(figures)
}

impl<'a> Run<'a> {
    fn start(args: &'a TopicsArgs, figures: &mut Figures) -> Result<Self, RunError> {
        let run = scene::fresh_run();
        let prefix = scene::topic_of(run, args.topic.as_ref());
        let topic = format!("{prefix}-{NUMBER_PLACE}");
        let conns = args.connections as usize;
        let (topics, publishers) = (args.topics as usize, args.publishers as usize);
        let targets = scene::targets(&args.url, &topic, conns)?;
        let publish_target = scene::publish_target(args.publish_url.as_ref(), &topic, &targets[0])?;
        figures.urls = targets.iter().map(Target::to_string).collect();
        figures.publish_url = publish_target.to_string();
        preflight::delivers(&args.client, &targets[0], &publish_target)?;
        let leader = Leader::new(&args.client).until(&args.phase);
        let form = Form::new(run, args.payload as usize);
        let schedule = Arc::new(Schedule::new(args));
        let (delivered, start_ns) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let numbering = Numbering {
            in_a_row: 1,
            topics,
        };
        let plan = Plan {
            numbering: Some(numbering),
            ..scene::plan("subscriber", targets, conns, &form)
        };
        let threads = scene::threads(&args.client, conns)?;
        let subscribers = scene::crew(plan, threads, &leader, |thread, threads, _| {
            let share = Plan::share(conns, thread, threads);
            let what = (numbering, args.publishers);
            let shared = (Arc::clone(&delivered), leader.pulse().meter());
            Subscribers::new(share, (thread, threads), what, form.clone(), shared)
        })?;
        let conns = topics * publishers;
        scene::check_ports(std::slice::from_ref(&publish_target), conns)?;
        let plan = Plan {
            first_source: args.connections as usize,
            numbering: Some(Numbering {
                in_a_row: publishers,
                topics,
            }),
            ..scene::plan("publisher", vec![publish_target], conns, &form)
        };
        let threads = crew::threads_for(conns, 1)?;
        let publishers = scene::crew(plan, threads, &leader, |thread, threads, _| {
            let share = Plan::share(conns, thread, threads);
            let shared = (Arc::clone(&schedule), Arc::clone(&start_ns));
            Publishers::new(share, (thread, threads), form.clone(), shared)
        })?;
        let mut run = Self {
            args,
            leader,
            schedule,
            subscribers,
            publishers,
            delivered,
            start_ns,
        };
        run.watch();
        Ok(run)
    }

    /// Begins the series.
    fn watch(&mut self) {
        let crews = [&self.subscribers.control, &self.publishers.control].map(Arc::clone);
        let tids = [&self.subscribers.tids[..], &self.publishers.tids].concat();
        let mut watch = scene::watch(self.args.client.server_pid, crews.to_vec(), tids);
        let delivered = Arc::clone(&self.delivered);
        watch.counter("deliveries_per_s", move || {
            delivered.load(Ordering::Acquire)
        });
        self.leader.watch(watch);
    }

    /// Opens all connections, with a look at the server's memory on the way.
    fn open(&mut self, figures: &mut Figures) -> Result<Waited, RunError> {
        let Self { args, leader, .. } = self;
        let pid = args.client.server_pid;
        let control = Arc::clone(&self.subscribers.control);
        let start = now_ns();
        let mut resting_s = 0.0;
        let mut marks = vec![args.connections];
        if pid.is_some() && args.topics > 1 && args.topics <= args.connections {
            marks.splice(..0, [args.topics / 2, args.topics]);
            marks.dedup();
        }
        let mut readings = Vec::new();
        let mut waited = Waited::Done;
        for mark in marks {
            if waited == Waited::Done {
                control.open(u64::from(mark));
                waited = leader.wait_live(&control, u64::from(mark), "subscribers")?;
                let rest = now_ns();
                readings.push((mark, scene::pss(leader, pid)?));
                resting_s += if mark < args.connections {
                    seconds(rest, now_ns())
                } else {
                    0.0
                };
            }
        }
        let mut opening = Opening::new(args.connections, &control, start);
        opening.open_s -= resting_s;
        opening.opened_per_s = ratio(opening.live as f64, opening.open_s);
        figures.opening = opening;
        figures.server_memory = Memory::new(args.topics, &readings);
        if waited == Waited::Done {
            let conns = u64::from(args.topics) * u64::from(args.publishers);
            let control = Arc::clone(&self.publishers.control);
            control.open(conns);
            waited = leader.wait_live(&control, conns, "publishers")?;
        }
        Ok(waited)
    }

    fn load(&mut self) -> Result<(Waited, Phase), RunError> {
        let tids = [&self.subscribers.tids[..], &self.publishers.tids].concat();
        let (start_ns, delivered) = (&self.start_ns, &self.delivered);
        let crews = [&self.subscribers.control, &self.publishers.control];
        let go = |now| {
            start_ns.store(now, Ordering::Release);
            crews[1].ring_all();
        };
        let pid = self.args.client.server_pid;
        let expected = self.schedule.deliveries();
        phase::measure(pid, &tids, go, &mut self.leader, |leader| {
            leader.wait_in_time(
                "deliveries",
                expected,
                || delivered.load(Ordering::Acquire),
                || {
                    crews
                        .iter()
                        .any(|crew| crew.ended.load(Ordering::Acquire) > 0)
                },
            )
        })
    }

    /// Ends the threads and adds up what they found.
    fn finish(self, spent: &Phase, figures: &mut Figures) -> Result<(), RunError> {
        let ended = |control: &Arc<crate::control::Control>| control.ended.load(Ordering::Acquire);
        figures.opening.ended_early =
            ended(&self.subscribers.control) + ended(&self.publishers.control);
        let publishers = self.args.publishers as usize;
        let mut sent = vec![0; self.args.topics as usize * publishers];
        let mut lateness = Recorder::new();
        for Done { app, failures, .. } in self.publishers.stop()? {
            app.sent().for_each(|(conn, count)| sent[conn] = count);
            lateness.merge(&app.lateness);
            figures.deliveries.copies_to_publishers += app.copies;
            figures.opening.add_failures(&failures);
        }
        figures.lateness = lateness.percentiles();
        figures.messages_sent = sent.iter().copied().map(u64::from).sum();
        let received = add_up(self.subscribers.stop()?, &sent, publishers, figures);
        let deliveries = &mut figures.deliveries;
        deliveries.expected = self.schedule.deliveries();
        let to_arrive: u64 = (0..self.args.topics)
            .zip(sent.chunks(publishers))
            .map(|(topic, sent)| {
                let sent: u64 = sent.iter().copied().map(u64::from).sum();
                sent * u64::from(self.schedule.subscribers(topic))
            })
            .sum();
        deliveries.got = to_arrive.saturating_sub(deliveries.lost);
        figures.message_phase_s = spent.wall_s;
        figures.deliveries_per_s = ratio(deliveries.got as f64, spent.wall_s);
        let sends = received + deliveries.copies_to_publishers;
        let pid = self.args.client.server_pid;
        figures.server = pid.map(|_| ServerCost::new(spent.server, sends, spent.wall_s));
        figures.warnings = Warning::find(&spent.client, Some(&figures.lateness));
        figures.client = spent.client.clone();
        figures.series = self.leader.finish();
        Ok(())
    }
}

/// Adds up what the subscribing threads found; returns messages received.
fn add_up(
    threads: Vec<Done<Subscribers>>,
    sent: &[u32],
    publishers: usize,
    figures: &mut Figures,
) -> u64 {
    let (mut latency, mut received) = (Recorder::new(), 0);
    let mut orders: BTreeMap<u32, Vec<Order>> = BTreeMap::new();
    for Done { app, failures, .. } in threads {
        latency.merge(&app.latency.finish());
        received += app.received;
        figures.deliveries.foreign += app.foreign;
        figures.opening.add_failures(&failures);
        for (topic, crowd) in app.crowds {
            let first = topic as usize * publishers;
            let (faults, order) = crowd.finish(&sent[first..first + publishers]);
            figures.deliveries.add_faults(faults);
            orders.entry(topic).or_default().extend(order);
        }
    }
    for orders in orders.into_values() {
        figures.deliveries.add_order(order::compare(orders));
    }
    figures.latency = latency.percentiles();
    received
}

/// Each target must take the name of a topic.
fn check_numbers(targets: &[Target]) -> Result<(), RunError> {
    let is_one = |target: &&Target| {
        target.protocol != Protocol::WebSocket || !target.path.contains(NUMBER_PLACE)
    };
    match targets.iter().find(is_one) {
        None => Ok(()),
        Some(target) => Err(RunError::Usage(format!(
            "{target}: it leads to one topic only; take ws:// with {{topic}} in the path"
        ))),
    }
}
