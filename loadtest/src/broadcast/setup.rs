//! What a run is asked for, checked: `fanout`, `topics` and `chat` differ by it alone.

use std::time::Duration;

use crate::app::Numbering;
use crate::broadcast::cli::{ChatArgs, FanoutArgs, Pick, TopicsArgs};
use crate::broadcast::figures::Figures;
use crate::broadcast::schedule::{Pace, Schedule};
use crate::flags::{ClientArgs, DeadlineArgs};
use crate::leader::RunError;
use crate::message::Form;
use crate::scene;
use crate::targets::Topic;
use crate::url::{NUMBER_PLACE, Protocol, Target};

#[derive(Debug)]
pub(super) struct Setup<'a> {
    pub(super) client: &'a ClientArgs,
    pub(super) phase: &'a DeadlineArgs,
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
}

/// Enough for arrivals to gather; `--gather` compares.
const GATHER_US: u32 = 200;

impl<'a> Setup<'a> {
    /// One topic, and publishers beside the subscribers.
    pub(super) fn of_fanout(args: &'a FanoutArgs) -> Result<Self, RunError> {
        let Topic { run, name, targets } = args.at.start(args.connections)?;
        let publishers = args.publishers as usize;
        let mut publish_targets = scene::targets(&args.publish_url, &name, publishers)?;
        if publish_targets.is_empty() {
            publish_targets.push(targets[0].for_publishing());
            scene::check_ports(&publish_targets, publishers)?;
        }
        let is_rising = |n1, n2| 0 < n1 && n1 < n2 && n2 <= args.connections;
        match args.pss_at[..] {
            [] => {}
            [n1, n2] if is_rising(n1, n2) => {}
            _ => return usage("--pss-at takes two numbers, rising, up to --connections"),
        }
        // With a schedule it is latency that is asked for.
        let gather_us = args.rate.map_or(GATHER_US, |_| 0);
        Ok(Self {
            client: &args.client,
            phase: &args.phase,
            targets,
            publish_targets,
            schedule: Schedule {
                topics: 1,
                publishers: args.publishers,
                messages: messages(args)?,
                subscribers: args.connections,
                pace: args.rate.map_or(Pace::AfterAll, Pace::Rate),
                seed: None,
            },
            form: Form::filled(run, args.payload as usize, args.filler),
            deflate: args.deflate,
            gather_us: args.gather.unwrap_or(gather_us),
            marks: args.pss_at.clone(),
            warms_up: true,
            hold: Duration::try_from_secs_f64(args.hold).unwrap_or_default(),
        })
    }

    /// Many topics, each with its publishers.
    pub(super) fn of_topics(args: &'a TopicsArgs) -> Result<Self, RunError> {
        let run = scene::fresh_run();
        let topic = scene::topic_of(run, args.topic.as_ref());
        let topic = format!("{topic}-{NUMBER_PLACE}");
        let targets = scene::targets(&args.url, &topic, args.connections as usize)?;
        let publish_target = scene::publish_target(args.publish_url.as_ref(), &topic, &targets[0])?;
        let publish_targets = vec![publish_target];
        check_numbers(targets.iter().chain(&publish_targets))?;
        let schedule = Schedule {
            topics: args.topics,
            publishers: args.publishers,
            messages: args.messages,
            subscribers: args.connections,
            pace: Pace::Rate(args.rate),
            seed: (args.pick == Pick::Random).then_some(args.seed),
        };
        scene::check_ports(&publish_targets, schedule.conns())?;
        let mut marks = Vec::new();
        if args.client.server_pid.is_some() && args.topics > 1 && args.topics <= args.connections {
            marks.push(args.topics / 2);
            marks.extend(Some(args.topics).filter(|all| *all < args.connections));
        }
        Ok(Self {
            client: &args.client,
            phase: &args.phase,
            targets,
            publish_targets,
            schedule,
            form: Form::new(run, args.payload as usize),
            deflate: false,
            gather_us: 0,
            marks,
            warms_up: false,
            hold: Duration::ZERO,
        })
    }

    /// One topic, and all subscribers publish.
    pub(super) fn of_chat(args: &'a ChatArgs) -> Result<Self, RunError> {
        let Topic { run, targets, .. } = args.at.start(args.connections)?;
        let messages = args.connections.checked_mul(args.messages);
        let Some(messages) = messages else {
            return usage("--connections x --messages must be at most 4 billion");
        };
        Ok(Self {
            client: &args.client,
            phase: &args.phase,
            targets,
            publish_targets: Vec::new(),
            schedule: Schedule {
                topics: 1,
                publishers: args.connections,
                messages,
                subscribers: args.connections,
                pace: args.rate.map_or(Pace::AfterOwn, Pace::Rate),
                seed: None,
            },
            form: Form::new(run, args.payload as usize),
            deflate: false,
            gather_us: 0,
            marks: Vec::new(),
            warms_up: false,
            hold: Duration::ZERO,
        })
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

    pub(super) fn subscriber_numbering(&self) -> Numbering {
        Numbering {
            in_a_row: 1,
            topics: self.schedule.topics as usize,
        }
    }

    pub(super) fn publisher_numbering(&self) -> Numbering {
        Numbering {
            in_a_row: self.schedule.publishers as usize,
            topics: self.schedule.topics as usize,
        }
    }
}

fn usage<T>(text: &str) -> Result<T, RunError> {
    Err(RunError::Usage(text.to_owned()))
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

/// Each target must take the name of a topic.
fn check_numbers<'t>(mut targets: impl Iterator<Item = &'t Target>) -> Result<(), RunError> {
    let is_one = |target: &&Target| {
        target.protocol != Protocol::WebSocket || !target.path.contains(NUMBER_PLACE)
    };
    match targets.find(is_one) {
        None => Ok(()),
        Some(target) => Err(RunError::Usage(format!(
            "{target}: it leads to one topic only; take ws:// with {{topic}} in the path"
        ))),
    }
}
