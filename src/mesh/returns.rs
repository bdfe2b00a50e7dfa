//! The way of answers from any thread to the shard that asked.

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::mesh::{Bell, Wake};
use crate::sys::eventfd::EventFd;

/// The sending end, for any thread.
#[derive(Debug)]
pub struct ReturnSender<M, W = EventFd> {
    queue: Sender<M>,
    bell: Bell<W>,
}

/// The receiving end.
#[derive(Debug)]
pub struct ReturnReceiver<M>(Receiver<M>);

/// Creates the channel to the shard of `bell`. It is not bounded itself: the caller must bound its
/// questions, and each question has one answer.
pub fn returns<M, W>(bell: Bell<W>) -> (ReturnSender<M, W>, ReturnReceiver<M>) {
    let (queue, receiver) = unbounded();
    (ReturnSender { queue, bell }, ReturnReceiver(receiver))
}

impl<M, W: Wake> ReturnSender<M, W> {
    /// Sends an answer to the shard and wakes it; if the shard is gone, it needs none.
    pub fn send(&self, answer: M) {
        if self.queue.send(answer).is_ok() {
            self.bell.ring();
        }
    }
}

impl<M> ReturnReceiver<M> {
    /// Takes the oldest answer.
    pub fn try_recv(&self) -> Option<M> {
        self.0.try_recv().ok()
    }

    /// Whether there is no answer.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
