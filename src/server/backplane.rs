//! The thread of a backplane, and its way to the shards.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::{fmt, io, vec};

use crossbeam_channel as channel;

use crate::backplane::{Backplane, Link};
use crate::id::ShardId;
use crate::mesh::backplane::{
    BackplaneInbox, BackplaneMesh, BackplanePort, BackplaneWays, connect_backplane,
};
use crate::mesh::{Doorbell, Refused};
use crate::server::ServerBuilder;
use crate::shard::Watch;
use crate::shard::mail::{Inward, Outward, Weigh};
use crate::shard::shell::status::Shared;
use crate::sys::signals;
use crate::sys::startup::while_starting;
use crate::topic::Topic;

/// The backplane of a server to start. Clones have it in common, and the first of them that starts
/// takes it.
#[derive(Clone, Default)]
pub(super) struct BackplaneSlot(Option<channel::Receiver<Box<dyn Backplane>>>);

impl BackplaneSlot {
    pub(super) fn new(backplane: impl Backplane) -> Self {
        let (sender, receiver) = channel::bounded(1);
        // There is space for one.
        let boxed: Box<dyn Backplane> = Box::new(backplane);
        sender.try_send(boxed).ok();
        Self(Some(receiver))
    }
}

impl fmt::Debug for BackplaneSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BackplaneSlot")
            .field(&self.0.is_some())
            .finish()
    }
}

/// A backplane that does not run yet, and its way to the shards.
pub(super) struct BackplaneThread {
    backplane: Box<dyn Backplane>,
    link: ShardLink,
    watch: Watch,
}

/// The shards' ends of the ways to a backplane.
pub(super) type BackplanePorts = vec::IntoIter<BackplanePort<Inward, Outward>>;

impl ServerBuilder {
    /// The shards' ways to the backplane, if there is one, and its thread.
    pub(super) fn take_backplane(
        &self,
        shared: &Arc<Shared>,
        doorbells: &Arc<[Doorbell]>,
    ) -> io::Result<(BackplanePorts, Option<BackplaneThread>)> {
        let Some(slot) = &self.backplane.0 else {
            return Ok((Vec::new().into_iter(), None));
        };
        let backplane = slot.try_recv().map_err(|_| {
            let text = "another server, of a copy of this builder, has the backplane";
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        let (between, _) = self.lanes(doorbells.len());
        let BackplaneMesh { ports, ways, inbox } = connect_backplane(doorbells, between);
        let thread = BackplaneThread {
            backplane,
            link: ShardLink {
                ways,
                inbox: Some(inbox),
            },
            watch: Watch::new(shared, doorbells),
        };
        Ok((ports.into_iter(), Some(thread)))
    }
}

impl BackplaneThread {
    /// Starts it. A server whose backplane ends before its shards stops.
    pub(super) fn spawn(self) -> io::Result<JoinHandle<io::Result<()>>> {
        let Self {
            backplane,
            link,
            watch,
        } = self;
        let run = move || {
            signals::block_all();
            let ways = link.ways.clone();
            backplane.run(Box::new(link));
            if ways.are_ended() {
                watch.dismiss();
                return Ok(());
            }
            log::error!("the backplane has ended before the server");
            Err(io::Error::other(
                "the backplane has ended before the server",
            ))
        };
        let thread = thread::Builder::new().name("corecast-backplane".to_owned());
        thread
            .spawn(run)
            .map_err(|err| while_starting("cannot start the backplane's thread", &err))
    }
}

/// The way between a backplane and the homes.
struct ShardLink {
    ways: BackplaneWays<Inward>,
    /// One of all such links gets the mail of the homes.
    inbox: Option<BackplaneInbox<Outward>>,
}

impl Link for ShardLink {
    fn wait(&self, deadline: Instant) {
        if let Some(inbox) = &self.inbox
            && !self.ways.are_ended()
        {
            inbox.wait(deadline);
        }
    }

    fn next(&self) -> Option<Outward> {
        self.inbox.as_ref()?.try_recv()
    }

    fn send(&self, mail: Inward, deadline: Instant) -> Result<(), Inward> {
        let home = self.home(mail.topic());
        let weight = mail.weight();
        let sent = self
            .ways
            .outside
            .send_deadline(home, mail, weight, deadline);
        sent.map_err(|refused| match refused {
            Refused::Full(mail) | Refused::Gone(mail) => mail,
        })
    }

    fn sender(&self) -> Box<dyn Link> {
        Box::new(Self {
            ways: self.ways.clone(),
            inbox: None,
        })
    }

    fn waker(&self) -> Box<dyn Fn() + Send + Sync> {
        let waker = self.ways.waker().clone();
        Box::new(move || waker.wake())
    }

    fn shards(&self) -> u16 {
        self.ways.outside.shards()
    }

    fn home(&self, topic: &Topic) -> ShardId {
        topic.home(self.shards())
    }

    fn is_stopped(&self) -> bool {
        self.ways.are_ended()
    }
}
