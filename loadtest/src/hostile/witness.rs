//! Those who behave: when all is over, the server must still let them in.

use crate::app::{App, LinkName};
use crate::clock::now_ns;
use crate::hostile::cli::HostileArgs;
use crate::hostile::figures::Figures;
use crate::leader::{Leader, RunError};
use crate::message::Form;
use crate::outbox::Outbox;
use crate::record::Recorder;
use crate::report::Opening;
use crate::scene;
use crate::url::Target;

/// Connections that are let in, and do nothing.
#[derive(Debug)]
struct Witness {
    took: Recorder,
}

impl App for Witness {
    fn on_live(&mut self, _link: LinkName, _now: u64, took_ns: u64, _out: &mut Outbox) {
        self.took.record(took_ns);
    }

    fn on_message(&mut self, _link: LinkName, _payload: &[u8], _now: u64, _out: &mut Outbox) {}

    fn on_turn(&mut self, _now: u64, _out: &mut Outbox) -> Option<u64> {
        None
    }
}

/// Opens a connection to each target as it should be.
///
/// # Errors
///
/// A thread failed. That the server does not let one in is in the figures.
pub(super) fn look(
    args: &HostileArgs,
    targets: &[Target],
    leader: &mut Leader,
    figures: &mut Figures,
) -> Result<(), RunError> {
    let conns = targets.len();
    let form = Form::new(0, 1 << 16);
    let plan = scene::plan("witness", targets.to_vec(), conns, &form);
    let threads = scene::threads(&args.client, conns)?;
    let took = || Witness {
        took: Recorder::new(),
    };
    let crew = scene::crew(plan, threads, leader, |_, _, _| took())?;
    leader.mark("those who behave", None);
    let start = now_ns();
    crew.control.open(conns as u64);
    leader.wait_live(&crew.control, conns as u64, "who behave")?;
    let conns = u32::try_from(conns).unwrap_or(u32::MAX);
    figures.opening = Opening::new(conns, &crew.control, start);
    let mut took = Recorder::new();
    for done in crew.stop()? {
        took.merge(&done.app.took);
        figures.opening.add_failures(&done.failures);
    }
    figures.connect_to_live = took.percentiles();
    Ok(())
}
