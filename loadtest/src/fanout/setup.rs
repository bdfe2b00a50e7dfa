//! What a fan-out run is asked for, checked.

use crate::cli::FanoutArgs;
use crate::fanout::publisher::Pace;
use crate::leader::RunError;
use crate::message::Form;
use crate::scene;
use crate::url::Target;

/// A checked request.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) targets: Vec<Target>,
    pub(super) publish_targets: Vec<Target>,
    pub(super) pace: Pace,
    /// Messages of each publisher.
    pub(super) quotas: Vec<u32>,
    pub(super) threads: usize,
    pub(super) form: Form,
    /// Rest of client threads between turns, in microseconds.
    pub(super) gather_us: u32,
}

/// Enough for arrivals to gather; `--gather` compares.
const GATHER_US: u32 = 200;

impl Setup {
    /// Checks what is asked for.
    ///
    /// # Errors
    ///
    /// It is impossible, or the descriptor limit is too low.
    pub(super) fn new(args: &FanoutArgs) -> Result<Self, RunError> {
        let run = scene::fresh_run();
        let topic = scene::topic_of(run, args.topic.as_ref());
        let conns = args.connections as usize;
        let targets = scene::targets(&args.url, &topic, conns)?;
        let publishers = args.publishers as usize;
        let mut publish_targets = scene::targets(&args.publish_url, &topic, publishers)?;
        if publish_targets.is_empty() {
            publish_targets.extend(targets.first().map(Target::for_publishing));
            scene::check_ports(&publish_targets, publishers)?;
        }
        if !(args.pss_at.is_empty()
            || matches!(args.pss_at[..], [n1, n2] if 0 < n1 && n1 < n2 && n2 <= args.connections))
        {
            let text = "--pss-at takes two numbers, rising, up to --connections";
            return Err(RunError::Usage(text.to_owned()));
        }
        let (pace, messages) = pace(args)?;
        // As many for each, and one more for the first ones.
        let share =
            |index: u32| messages / args.publishers + u32::from(index < messages % args.publishers);
        Ok(Self {
            targets,
            publish_targets,
            pace,
            quotas: (0..args.publishers).map(share).collect(),
            threads: scene::threads(&args.client, conns)?,
            form: Form::filled(run, args.payload as usize, args.filler),
            gather_us: gather_us(args),
        })
    }
}

impl Setup {
    /// Messages of all publishers.
    pub(super) fn messages(&self) -> u64 {
        self.quotas.iter().copied().map(u64::from).sum()
    }
}

/// Rest of client threads between turns. With a schedule it is latency that is asked for.
fn gather_us(args: &FanoutArgs) -> u32 {
    let default = if args.rate.is_some() { 0 } else { GATHER_US };
    args.gather.unwrap_or(default)
}

/// When messages go out, and how many.
fn pace(args: &FanoutArgs) -> Result<(Pace, u32), RunError> {
    let Some(rate) = args.rate else {
        return Ok((Pace::Closed, args.messages));
    };
    let Some(duration) = args.duration else {
        return Ok((Pace::Open { rate }, args.messages));
    };
    let messages = (rate * duration).round();
    if !(messages >= 1.0 && messages <= f64::from(u32::MAX >> 1)) {
        let text = "--rate x --duration must be between 1 and 2 billion messages";
        return Err(RunError::Usage(text.to_owned()));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    Ok((Pace::Open { rate }, messages as u32))
}
