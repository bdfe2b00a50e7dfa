//! The way of answers from any thread to the shard that asked.

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::mesh::{Bell, Wake};
use crate::sys::eventfd::EventFd;

/// The end that answers go into, on whatever thread has them.
#[derive(Debug)]
pub struct ReturnSender<M, W = EventFd> {
    queue: Sender<M>,
    bell: Bell<W>,
}

/// The end that answers come out of.
#[derive(Debug)]
pub struct ReturnReceiver<M>(Receiver<M>);

/// Makes the way to the shard of `bell`. Not bounded by itself: whoever asks must bound what is
/// asked, and each question has one answer.
pub fn returns<M, W>(bell: Bell<W>) -> (ReturnSender<M, W>, ReturnReceiver<M>) {
    let (queue, receiver) = unbounded();
    (ReturnSender { queue, bell }, ReturnReceiver(receiver))
}

impl<M, W: Wake> ReturnSender<M, W> {
    /// Takes an answer to the shard and wakes it; a shard that is gone needs none.
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

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
