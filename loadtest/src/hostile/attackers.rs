//! All that attack, and the client that behaves beside them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::setpriority_process;

use crate::app::Done;
use crate::control::Control;
use crate::crew::{self, Crew, Handles};
use crate::hostile::attack::{Attack, Wanted};
use crate::hostile::cli::HostileArgs;
use crate::hostile::figures::{self, Echo};
use crate::hostile::honest::{CONNECTIONS, Honest};
use crate::hostile::script::Script;
use crate::hostile::siege::{Losses, Siege, add_losses};
use crate::leader::{Leader, RunError, Waited};
use crate::message::Form;
use crate::record::Recorder;
use crate::scene;
use crate::series::Watch;
use crate::url::{Protocol, Target};

/// All that attack, and the client that behaves beside them; nothing where no attack is wanted.
#[derive(Debug, Default)]
pub(super) struct Attackers(Option<Running>);

#[derive(Debug)]
struct Running {
    wanted: Vec<(Attack, usize)>,
    control: Arc<Control>,
    open: Arc<AtomicU64>,
    tids: Vec<u32>,
    handles: Handles<Losses>,
    honest: Crew<Honest>,
    is_attacked: Arc<AtomicBool>,
}

/// What was seen of them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) losses: BTreeMap<String, figures::Losses>,
    pub(super) echo: Option<Echo>,
}

/// The client that behaves is looked at for this long before the attacks begin.
const QUIET: Duration = Duration::from_secs(2);
const PAYLOAD: usize = 64;
/// What the attackers are to do.
#[derive(Debug, Default)]
pub(super) struct AttackPlan {
    wanted: Vec<(Attack, usize)>,
    scripts: Vec<Arc<Script>>,
}

/// Connections of one attack with a script of their own, as they have a topic of their own; behind
/// them they are shared.
const SCRIPTS: usize = 16;
/// Attacking connections of all attacks together.
const CONNECTIONS_MAX: usize = 50_000;

impl Attackers {
    /// Starts their threads, which wait for [`begin`](Self::begin).
    ///
    /// # Errors
    ///
    /// No thread could be started.
    pub(super) fn start(
        args: &HostileArgs,
        AttackPlan { wanted, scripts }: AttackPlan,
        targets: &[Target],
        leader: &Leader,
    ) -> Result<Self, RunError> {
        if scripts.is_empty() {
            return Ok(Self::default());
        }
        let threads = scene::threads(&args.client, scripts.len())?;
        let control = Arc::new(Control::new(threads)?);
        let open = Arc::new(AtomicU64::new(0));
        let nice = args.nice;
        let (tids, handles) = crew::spawn("attack", &control, &[], &leader.sender, |thread| {
            let own: Vec<Arc<Script>> = scripts
                .iter()
                .skip(thread)
                .step_by(threads)
                .cloned()
                .collect();
            let (control, open) = (Arc::clone(&control), Arc::clone(&open));
            move || {
                setpriority_process(None, nice)?;
                Siege::new(thread, own, control, open)?.run()
            }
        })?;
        let is_attacked = Arc::new(AtomicBool::new(false));
        let form = Form::new(scene::fresh_run(), PAYLOAD);
        let echo = Target {
            path: "/echo".to_owned(),
            ..targets[0].clone()
        };
        let plan = scene::plan("honest", vec![echo], CONNECTIONS, &form);
        let honest = scene::crew(plan, 1, leader, |_, _, _| {
            Honest::new(form.clone(), Arc::clone(&is_attacked))
        })?;
        Ok(Self(Some(Running {
            wanted,
            control,
            open,
            tids,
            handles,
            honest,
            is_attacked,
        })))
    }

    /// The kernel ids of those that attack.
    pub(super) fn tids(&self) -> &[u32] {
        self.0.as_ref().map_or(&[], |running| &running.tids)
    }

    /// What the series shows.
    pub(super) fn watch(&self, watch: &mut Watch) {
        if let Some(running) = &self.0 {
            let open = Arc::clone(&running.open);
            watch.gauge("attackers", move || open.load(Ordering::Acquire));
        }
    }

    /// Has the client that behaves at it for a while before anybody attacks.
    ///
    /// # Errors
    ///
    /// A thread failed, or the server did not let it in.
    pub(super) fn look_at_the_quiet(&self, leader: &mut Leader) -> Result<(), RunError> {
        let Some(running) = &self.0 else {
            return Ok(());
        };
        let (control, conns) = (&running.honest.control, CONNECTIONS as u64);
        control.open(conns);
        if leader.wait_live(control, conns, "who behave")? != Waited::Done {
            let text = "/echo does not let in a client that behaves";
            return Err(RunError::Failed(text.to_owned()));
        }
        leader.pause(QUIET)
    }

    /// Lets them begin.
    pub(super) fn begin(&self) {
        if let Some(running) = &self.0 {
            running.is_attacked.store(true, Ordering::Release);
            running.control.open(u64::MAX);
        }
    }

    /// Ends them, and returns what was seen.
    ///
    /// # Errors
    ///
    /// A thread failed.
    pub(super) fn stop(self) -> Result<Seen, RunError> {
        let Some(running) = self.0 else {
            return Ok(Seen::default());
        };
        // It first: what comes back when nobody attacks any more was not beside it.
        let honest = running.honest.stop()?;
        running.control.stop();
        let mut losses = Losses::new();
        for part in crew::join(running.handles)? {
            add_losses(&mut losses, part);
        }
        let of_attack = |(attack, connections): (Attack, usize)| {
            let loss = losses.remove(&attack).unwrap_or_default();
            let losses = figures::Losses {
                connections,
                opened: loss.opened,
                sent_bytes: loss.sent,
                ends: loss.ends,
            };
            (attack.label(), losses)
        };
        Ok(Seen {
            losses: running.wanted.into_iter().map(of_attack).collect(),
            echo: Some(echo(honest)),
        })
    }
}

fn echo(threads: Vec<Done<Honest>>) -> Echo {
    let (mut quiet, mut beside) = (Recorder::new(), Recorder::new());
    let mut ended = 0;
    for Done { mut app, .. } in threads {
        app.note_overdue();
        quiet.merge(&app.quiet);
        beside.merge(&app.beside);
        ended += app.ended;
    }
    Echo {
        quiet: quiet.percentiles(),
        beside: beside.percentiles(),
        ended,
    }
}

impl AttackPlan {
    /// What the flags ask for.
    ///
    /// # Errors
    ///
    /// They do not go together.
    pub(super) fn new(args: &HostileArgs, targets: &[Target]) -> Result<Self, RunError> {
        if args.attack.is_empty() {
            return Ok(Self::default());
        }
        let wanted = wanted(args)?;
        let scripts = scripts(args, &wanted, targets)?;
        Ok(Self { wanted, scripts })
    }
}

/// The attacks that can be made, with their connections.
fn wanted(args: &HostileArgs) -> Result<Vec<(Attack, usize)>, RunError> {
    let wrong = |text: &str| Err(RunError::Usage(text.to_owned()));
    let is_named = |wanted: &Wanted| wanted.attack == Some(Attack::NestedBatches);
    if args.api_key.is_none() && args.attack.iter().any(is_named) {
        return wrong("nested-batches needs --api-key");
    }
    let mut wanted = Wanted::list(&args.attack);
    wanted.retain(|(attack, _)| *attack != Attack::NestedBatches || args.api_key.is_some());
    let all: usize = wanted.iter().map(|(_, connections)| connections).sum();
    if CONNECTIONS_MAX < all {
        return wrong("the attacks have more than 50000 connections together");
    }
    Ok(wanted)
}

/// What each connection does: empty frames go to a TCP target where there is one, all else to the
/// first that speaks HTTP.
fn scripts(
    args: &HostileArgs,
    wanted: &[(Attack, usize)],
    targets: &[Target],
) -> Result<Vec<Arc<Script>>, RunError> {
    let plain = |protocol| {
        let mut targets = targets.iter();
        targets.find(move |target| target.protocol == protocol && !target.tls)
    };
    let Some(http) = plain(Protocol::WebSocket) else {
        let text = "--attack needs a --url with ws://".to_owned();
        return Err(RunError::Usage(text));
    };
    let framed = plain(Protocol::LengthPrefix).unwrap_or(http);
    let key = args.api_key.as_deref().unwrap_or_default();
    let mut scripts = Vec::new();
    for (attack, connections) in wanted {
        let target = match attack {
            Attack::EmptyFrames => framed,
            _ => http,
        };
        let own: Vec<Arc<Script>> = (0..SCRIPTS.min(*connections))
            .map(|number| Arc::new(Script::new(*attack, number, target, key)))
            .collect();
        scripts.extend(own.iter().cycle().take(*connections).cloned());
    }
    Ok(scripts)
}
