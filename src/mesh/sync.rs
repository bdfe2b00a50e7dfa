//! The types that threads share: the real ones, or loom's under `--cfg loom`.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

#[cfg(not(loom))]
pub(super) use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
#[cfg(loom)]
pub(super) use modelled::{Receiver, Sender, TrySendError, bounded};

/// A bounded queue with the weakest ordering on which the lanes may rely: what one end knows of the
/// other's progress may be outdated. (crossbeam's queue is stricter.)
#[cfg(loom)]
mod modelled {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use loom::sync::Mutex;
    use loom::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug)]
    pub(in crate::mesh) enum TrySendError<T> {
        Full(T),
        Disconnected(T),
    }

    #[derive(Debug)]
    struct Queue<T> {
        items: Mutex<VecDeque<T>>,
        pushed: AtomicUsize,
        popped: AtomicUsize,
        capacity: usize,
    }

    #[derive(Debug)]
    pub(in crate::mesh) struct Sender<T>(Arc<Queue<T>>);
    #[derive(Debug)]
    pub(in crate::mesh) struct Receiver<T>(Arc<Queue<T>>);

    pub(in crate::mesh) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        let queue = Arc::new(Queue {
            items: Mutex::new(VecDeque::new()),
            pushed: AtomicUsize::new(0),
            popped: AtomicUsize::new(0),
            capacity,
        });
        (Sender(Arc::clone(&queue)), Receiver(queue))
    }

    impl<T> Queue<T> {
        fn len(&self) -> usize {
            let popped = self.popped.load(Ordering::Acquire);
            self.pushed.load(Ordering::Acquire).saturating_sub(popped)
        }

        fn is_full(&self) -> bool {
            self.capacity <= self.len()
        }
    }

    impl<T> Sender<T> {
        pub(in crate::mesh) fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
            if Arc::strong_count(&self.0) == 1 {
                return Err(TrySendError::Disconnected(item));
            }
            if self.is_full() {
                return Err(TrySendError::Full(item));
            }
            if let Ok(mut items) = self.0.items.lock() {
                items.push_back(item);
                self.0.pushed.fetch_add(1, Ordering::Release);
            }
            Ok(())
        }

        pub(in crate::mesh) fn len(&self) -> usize {
            self.0.len()
        }

        pub(in crate::mesh) fn is_full(&self) -> bool {
            self.0.is_full()
        }

        pub(in crate::mesh) fn capacity(&self) -> Option<usize> {
            Some(self.0.capacity)
        }
    }

    impl<T> Receiver<T> {
        pub(in crate::mesh) fn try_recv(&self) -> Result<T, ()> {
            if self.0.len() == 0 {
                return Err(());
            }
            let item = self
                .0
                .items
                .lock()
                .ok()
                .and_then(|mut items| items.pop_front());
            self.0.popped.fetch_add(1, Ordering::Release);
            item.ok_or(())
        }

        pub(in crate::mesh) fn len(&self) -> usize {
            self.0.len()
        }

        pub(in crate::mesh) fn is_empty(&self) -> bool {
            self.0.len() == 0
        }

        pub(in crate::mesh) fn capacity(&self) -> Option<usize> {
            Some(self.0.capacity)
        }
    }
}
