//! Drives a core without a thread, by the event loop's turn and with the event loop's lanes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::close_reason::CloseReason;
use crate::config::Config;
use crate::handler::Handler;
use crate::id::{ConnId, ShardId};
use crate::limits::READ_BYTES;
use crate::mesh::{self, Capacity, Port, ReturnReceiver, Wake, returns};
use crate::shard::core::ShardCore;
use crate::shard::core::conns::questions::Answered;
use crate::shard::mail::{FromHome, ToHome};
use crate::shard::shell::lanes::Lanes;
pub use crate::shard::turn::Received;
use crate::shard::turn::{self, Turn};
use crate::time::Now;
use crate::topic::sink::{Sink, Sock};

/// The sockets of a driven shard, and what a poll would tell of them.
pub trait Kernel<H: Handler>: Sink {
    /// Opens the connections that have come, and tells of the others' events.
    fn poll(&mut self, _core: &mut ShardCore<H>) {}

    /// Reads a connection's socket once.
    fn receive(&mut self, _id: ConnId, _buffer: &mut [u8]) -> Received {
        Received::Nothing
    }

    /// Mail is put into the lanes: a test may change it before.
    fn change_mail(&mut self, _core: &mut ShardCore<H>) {}

    /// Shuts a socket's write side down.
    fn shut_down(&mut self, _id: ConnId) {}

    /// Bytes that the client's host has not confirmed.
    fn unsent(&mut self, _id: ConnId) -> usize {
        0
    }

    /// The connection has ended for this reason.
    fn note_end(&mut self, _id: ConnId, _reason: CloseReason) {}

    /// Closes a socket.
    fn close(&mut self, _id: ConnId, _sock: Sock) {}
}

/// Whether the poll of a driven shard would return: what a descriptor is to a thread.
#[derive(Clone, Debug, Default)]
pub struct Alarm {
    is_set: Arc<AtomicBool>,
    loses_next: Arc<AtomicBool>,
}

impl Alarm {
    /// Loses the next wake-up, as a defect would.
    pub fn lose_one(&self) {
        self.loses_next.store(true, Ordering::Relaxed);
    }
}

impl Wake for Alarm {
    fn wake(&self) -> io::Result<()> {
        if !self.loses_next.swap(false, Ordering::Relaxed) {
            self.is_set.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// One shard of a mesh without threads.
#[derive(Debug)]
pub struct MeshEnd {
    shard: ShardId,
    shards: u16,
    port: Port<ToHome, FromHome, Alarm>,
    alarm: Alarm,
}

impl MeshEnd {
    /// Of so many shards, connected by lanes of this capacity.
    pub fn connect(shards: u16, capacity: Capacity) -> Vec<Self> {
        let alarms: Vec<Alarm> = (0..shards).map(|_| Alarm::default()).collect();
        let mesh = mesh::build_over(alarms.clone(), capacity, capacity);
        let ends = ShardId::all(shards).zip(mesh.ports).zip(alarms);
        ends.map(|((shard, port), alarm)| Self {
            shard,
            shards,
            port,
            alarm,
        })
        .collect()
    }

    /// Of one of so many shards, without lanes: mail stays in the core, for the test to take.
    pub fn alone(shard: ShardId, shards: u16) -> Self {
        let capacity = Capacity {
            messages: 1,
            bytes: 1,
        };
        Self {
            shard,
            shards,
            ..Self::connect(1, capacity).remove(0)
        }
    }
}

/// A shard without a thread. Tests may also drive its core themselves, a phase at a time.
#[derive(Debug)]
pub struct Driver<H: Handler> {
    /// The core.
    pub core: ShardCore<H>,
    lanes: Lanes<Alarm>,
    alarm: Alarm,
    answers: ReturnReceiver<Answered<H::Answer>>,
    /// There are answers that the last turn did not take.
    answers_left: bool,
    buffer: Box<[u8]>,
}

impl<H: Handler> Driver<H> {
    /// A shard without connections.
    pub fn new(end: MeshEnd, config: Config, now: Now, handler: H) -> Self {
        let MeshEnd {
            shard,
            shards,
            port,
            alarm,
        } = end;
        let (sender, answers) = returns(port.bell());
        let sender = Arc::new(sender);
        Self {
            core: ShardCore::new(shard, shards, config, now, handler, sender),
            lanes: Lanes::new(port),
            alarm,
            answers,
            answers_left: false,
            buffer: vec![0; READ_BYTES].into(),
        }
    }

    /// Takes no more messages than this off a lane in a turn, and reads no more bytes at once.
    pub fn limit(&mut self, per_lane: usize, read: usize) {
        self.lanes.limit(per_lane);
        self.buffer = vec![0; read.min(READ_BYTES)].into();
    }

    /// Whether the event loop would have another turn now without an event of a socket.
    pub fn is_awake(&self, now: Now) -> bool {
        let deadline = self.core.next_deadline();
        self.alarm.is_set.load(Ordering::Relaxed)
            || self.answers_left
            || self.lanes.has_mail()
            || self.core.has_work()
            || deadline.is_some_and(|deadline| deadline <= now)
    }

    /// What wakes it.
    pub fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// Whether the core has been given all mail that was sent to it.
    pub fn has_all_mail(&self) -> bool {
        self.lanes.are_empty()
    }

    /// All phases of a turn.
    pub fn turn(&mut self, now: Now, kernel: &mut impl Kernel<H>) {
        // The poll has returned, and tells of an edge once.
        self.alarm.is_set.store(false, Ordering::Relaxed);
        self.with(kernel).turn(now);
        self.answers_left = !self.answers.is_empty();
    }

    /// Takes what other threads answered; returns how much.
    pub fn take_answers(&mut self) -> usize {
        let answers = std::iter::from_fn(|| self.answers.try_recv());
        answers
            .map(|answered| self.core.handle_answer(answered))
            .count()
    }

    /// The phase in which it reads.
    pub fn read(&mut self, kernel: &mut impl Kernel<H>) {
        self.with(kernel).read();
    }

    /// The phases after all that came has been taken.
    pub fn finish_turn(&mut self, kernel: &mut impl Kernel<H>) {
        self.with(kernel).finish_turn();
    }

    fn with<'a, K>(&'a mut self, kernel: &'a mut K) -> Driven<'a, H, K> {
        Driven {
            driver: self,
            kernel,
        }
    }
}

/// A shard with its kernel, for a turn.
struct Driven<'a, H: Handler, K> {
    driver: &'a mut Driver<H>,
    kernel: &'a mut K,
}

impl<H: Handler, K: Kernel<H>> Turn for Driven<'_, H, K> {
    type Handler = H;

    fn core(&mut self) -> &mut ShardCore<H> {
        &mut self.driver.core
    }

    fn take_mail(&mut self) {
        self.driver.lanes.take(&mut self.driver.core);
    }

    fn next_answer(&mut self) -> Option<Answered<H::Answer>> {
        self.driver.answers.try_recv()
    }

    fn note_polled(&mut self) {}

    fn accept(&mut self) {
        self.kernel.poll(&mut self.driver.core);
    }

    fn read(&mut self) {
        let Driver { core, buffer, .. } = &mut *self.driver;
        while let Some((id, to_the_end)) = core.take_readable() {
            let receive = |buffer: &mut [u8]| self.kernel.receive(id, buffer);
            turn::read(core, id, to_the_end, buffer, receive);
        }
    }

    fn send_mail(&mut self) {
        self.kernel.change_mail(&mut self.driver.core);
        self.driver.lanes.send(&mut self.driver.core);
    }

    fn flush(&mut self) {
        self.driver.core.flush(self.kernel);
    }

    fn reap(&mut self) {
        let core = &mut self.driver.core;
        while let Some(id) = core.take_finished() {
            self.kernel.shut_down(id);
        }
        while let Some(id) = core.take_asked() {
            core.handle_unsent(id, self.kernel.unsent(id));
        }
        core.give_lists(|_| {});
        core.settle(|id, _, reason| self.kernel.note_end(id, reason));
        core.reap(|id, sock, _| self.kernel.close(id, sock));
    }
}
