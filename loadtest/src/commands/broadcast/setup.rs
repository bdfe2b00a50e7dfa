//! What a run is asked for, checked: `fanout`, `topics` and `chat` differ by it alone.

use std::sync::Arc;
use std::time::Duration;

use crate::check::message::Form;
use crate::check::timeline::Timeline;
use crate::client::Numbering;
use crate::client::control::Control;
use crate::commands::broadcast::cli::{ChatArgs, FanoutArgs, Pick, TopicsArgs};
use crate::commands::broadcast::figures::Figures;
use crate::pubsub::progress::Progress;
use crate::pubsub::schedule::{Pace, Schedule};
use crate::run::leader::{Leader, RunError};
use crate::run::targets::{Topic, check_ports, targets as targets_of, topic_of, usage};
use crate::url::{NUMBER_PLACE, Target};

pub(crate) struct Setup {
    pub(super) run: u32,
    /// The topic, or the beginning of the names of all.
    pub(super) topic: String,
    pub(super) targets: Vec<Target>,
    /// None where subscribers publish.
    pub(super) publish_targets: Vec<Target>,
    pub(super) schedule: Schedule,
    pub(super) form: Form,
    pub(super) deflate: bool,
    /// Rest of client threads between turns, in microseconds.
    pub(super) gather_us: u32,
    /// Numbers of connections at which the server's memory is read, before all are open.
    pub(super) marks: Vec<u32>,
    /// One message that is not counted goes first, so that the phase that is finds pages and tables
    /// in place.
    pub(super) warms_up: bool,
    pub(super) hold: Duration,
    /// Connections end with a reset.
    pub(super) resets: bool,
}

/// Enough for arrivals to gather; `--gather` compares.
const GATHER_US: u32 = 200;

impl Setup {
    /// One in which nothing is out of the ordinary.
    fn new(
        (run, topic): (u32, String),
        targets: Vec<Target>,
        publish_targets: Vec<Target>,
        schedule: Schedule,
        form: Form,
    ) -> Self {
        Self {
            run,
            topic,
            targets,
            publish_targets,
            schedule,
            form,
            deflate: false,
            gather_us: 0,
            marks: Vec::new(),
            warms_up: false,
            hold: Duration::ZERO,
            resets: false,
        }
    }

    /// One topic, and publishers beside the subscribers.
    pub(super) fn of_fanout(args: &FanoutArgs) -> Result<Self, RunError> {
        let Topic { run, name, targets } = args.at.start(&args.client, args.connections)?;
        let publishers = args.publishers as usize;
        let mut publish_targets = targets_of(&args.client, &args.publish_url, &name, publishers)?;
        if publish_targets.is_empty() {
            publish_targets.push(targets[0].for_publishing());
            check_ports(&args.client, &publish_targets, publishers)?;
        }
        let is_rising = |n1, n2| 0 < n1 && n1 < n2 && n2 <= args.connections;
        match args.pss_at[..] {
            [] => {}
            [n1, n2] if is_rising(n1, n2) => {}
            _ => return usage("--pss-at takes two numbers, rising, up to --connections"),
        }
        let schedule = Schedule {
            topics: 1,
            publishers: args.publishers,
            messages: messages(args)?,
            subscribers: args.connections,
            pace: args.rate.map_or(Pace::AfterAll, Pace::Rate),
            seed: None,
        };
        let form = Form::filled(run, args.payload as usize, args.filler);
        let form = form.on_host(args.client.agents.ahead_ns());
        // With a schedule it is latency that is asked for.
        let gather_us = args.rate.map_or(GATHER_US, |_| 0);
        Ok(Self {
            deflate: args.deflate,
            resets: args.resets,
            gather_us: args.gather.unwrap_or(gather_us),
            marks: args.pss_at.clone(),
            warms_up: true,
            hold: Duration::try_from_secs_f64(args.hold).unwrap_or_default(),
            ..Self::new((run, name), targets, publish_targets, schedule, form)
        })
    }

    /// Many topics, each with its publishers.
    pub(super) fn of_topics(args: &TopicsArgs) -> Result<Self, RunError> {
        let run = args.client.run();
        let topic = topic_of(run, args.topic.as_ref());
        let name = format!("{topic}-{NUMBER_PLACE}");
        let targets = targets_of(&args.client, &args.url, &name, args.connections as usize)?;
        let publish_target = match &args.publish_url {
            Some(url) => args.client.remote.target(url, &name)?,
            None => targets[0].for_publishing(),
        };
        let publish_targets = vec![publish_target];
        let is_one = |target: &&Target| {
            ![&target.path, &target.channel]
                .iter()
                .any(|text| text.contains(NUMBER_PLACE))
        };
        if let Some(target) = targets.iter().chain(&publish_targets).find(is_one) {
            return usage(&format!(
                "{target}: it leads to one topic only; take ws:// with {{topic}} in the path"
            ));
        }
        let schedule = Schedule {
            topics: args.topics,
            publishers: args.publishers,
            messages: args.messages,
            subscribers: args.connections,
            pace: Pace::Rate(args.rate),
            seed: (args.pick == Pick::Random).then_some(args.seed),
        };
        check_ports(&args.client, &publish_targets, schedule.conns())?;
        let mut marks = Vec::new();
        if args.client.server_pid.is_some() && args.topics > 1 && args.topics <= args.connections {
            marks.push(args.topics / 2);
            marks.extend(Some(args.topics).filter(|all| *all < args.connections));
        }
        let form = Form::new(run, args.payload as usize);
        let form = form.on_host(args.client.agents.ahead_ns());
        Ok(Self {
            marks,
            ..Self::new((run, topic), targets, publish_targets, schedule, form)
        })
    }

    /// One topic, and all subscribers publish.
    pub(super) fn of_chat(args: &ChatArgs) -> Result<Self, RunError> {
        let Topic { run, name, targets } = args.at.start(&args.client, args.connections)?;
        let Some(messages) = args.connections.checked_mul(args.messages) else {
            return usage("--connections x --messages must be at most 4 billion");
        };
        let schedule = Schedule {
            topics: 1,
            publishers: args.connections,
            messages,
            subscribers: args.connections,
            pace: args.rate.map_or(Pace::AfterOwn, Pace::Rate),
            seed: None,
        };
        let form = Form::new(run, args.payload as usize);
        let form = form.on_host(args.client.agents.ahead_ns());
        Ok(Self::new((run, name), targets, Vec::new(), schedule, form))
    }

    /// What subscribers and the crew that is `publishing` share.
    pub(super) fn progress(&self, leader: &Leader, publishing: &Arc<Control>) -> Progress {
        let schedule = &self.schedule;
        let waiting = match schedule.pace {
            Pace::AfterAll => schedule.conns(),
            Pace::AfterOwn | Pace::Rate(_) | Pace::Told => 0,
        };
        let timeline = Arc::new(Timeline::new(schedule.rate(), schedule.messages));
        Progress::new(timeline, leader.pulse().clone())
            .until(schedule.deliveries(), leader.sender.clone())
            .waited_for(waiting, Arc::clone(publishing))
    }

    /// Figures that say no more than what was asked for.
    pub(super) fn figures(&self) -> Figures {
        let schedule = &self.schedule;
        Figures {
            publish_urls: self.publish_targets.iter().map(Target::to_string).collect(),
            topics: schedule.topics,
            publishers: schedule.publishers,
            payload_bytes: self.form.payload_len() as u64,
            rate_per_s: schedule.rate(),
            gather_us: self.gather_us,
            ..Figures::default()
        }
    }

    /// Subscribers of all topics.
    pub(super) fn conns(&self) -> usize {
        self.schedule.subscribers as usize
    }

    /// The topics of subscribers, and of publishers.
    pub(super) fn numberings(&self) -> (Numbering, Numbering) {
        let topics = self.schedule.topics as usize;
        let of = |in_a_row| Numbering { in_a_row, topics };
        (of(1), of(self.schedule.publishers as usize))
    }
}

fn messages(args: &FanoutArgs) -> Result<u32, RunError> {
    let (Some(rate), Some(duration)) = (args.rate, args.duration) else {
        return Ok(args.messages);
    };
    let messages = (rate * duration).round();
    if !(messages >= 1.0 && messages <= f64::from(u32::MAX >> 1)) {
        return usage("--rate x --duration must be between 1 and 2 billion messages");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    Ok(messages as u32)
}
