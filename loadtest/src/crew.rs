//! A crew: client threads with one plan, each with its own descriptor table.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::Sender;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::app::{App, Done, Plan};
use crate::control::{Control, News};
use crate::sys;
use crate::worker::Worker;

/// Running client threads.
#[derive(Debug)]
pub(crate) struct Crew<A> {
    /// What they share.
    pub(crate) control: Arc<Control>,
    /// Their kernel ids, as in `/proc/self/task`.
    pub(crate) tids: Vec<u32>,
    threads: Handles<Done<A>>,
}

/// Threads, each with what will be left of it.
pub(crate) type Handles<T> = Vec<JoinHandle<io::Result<T>>>;

/// Descriptors of a table that are not connections: standard streams, doorbells, poll, timer.
const RESERVED_FDS: u64 = 100;

impl<A: App> Crew<A> {
    /// Starts the threads of `control`, each with the application that `app` makes for it.
    ///
    /// `keep` are the descriptors of others that the threads will use. A thread that fails says
    /// so on `news` and ends.
    ///
    /// # Errors
    ///
    /// No thread could be started.
    pub(crate) fn start(
        plan: Plan,
        control: Arc<Control>,
        keep: &[RawFd],
        news: &Sender<News>,
        mut app: impl FnMut(usize) -> A,
    ) -> io::Result<Self> {
        let (name, plan) = (plan.name, Arc::new(plan));
        let (tids, threads) = spawn(name, &control, keep, news, |thread| {
            let (plan, control) = (Arc::clone(&plan), Arc::clone(&control));
            let app = app(thread);
            move || Worker::new(thread, plan, control, app).and_then(Worker::run)
        })?;
        Ok(Self {
            control,
            tids,
            threads,
        })
    }

    /// Ends the threads and hands out what is left of them, in order.
    ///
    /// # Errors
    ///
    /// A thread failed.
    pub(crate) fn stop(self) -> io::Result<Vec<Done<A>>> {
        self.control.stop();
        join(self.threads)
    }
}

/// Starts the threads of `control`, each with a descriptor table of its own, to do what `body` makes
/// for it; returns their kernel ids as well. See [`Crew::start`] for the rest.
///
/// # Errors
///
/// No thread could be started.
pub(crate) fn spawn<T, F>(
    name: &str,
    control: &Control,
    keep: &[RawFd],
    news: &Sender<News>,
    mut body: impl FnMut(usize) -> F,
) -> io::Result<(Vec<u32>, Handles<T>)>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    let keep: Vec<RawFd> = keep.iter().copied().chain(control.descriptors()).collect();
    let (tid_tx, tid_rx) = crossbeam_channel::unbounded();
    let mut threads = Vec::new();
    for thread in 0..control.threads() {
        let (keep, tid_tx, news) = (keep.clone(), tid_tx.clone(), news.clone());
        let work = body(thread);
        let all = move || {
            let refused = sys::own_fd_table(&keep).err();
            let tid = rustix::thread::gettid().as_raw_pid().unsigned_abs();
            // The starter waits for it below.
            let told = tid_tx.send(tid);
            debug_assert!(told.is_ok(), "the starter holds the other end");
            let result = work();
            if let Err(error) = &result {
                let table = refused.map(|why| format!(" (descriptor table is shared: {why})"));
                let text = format!("client thread: {error}{}", table.unwrap_or_default());
                // Nobody listens once the run is over.
                drop(news.send(News::Trouble(text)));
            }
            result
        };
        let builder = thread::Builder::new().name(format!("{name}-{thread}"));
        threads.push(builder.spawn(all)?);
    }
    let tids = tid_rx.iter().take(threads.len()).collect();
    Ok((tids, threads))
}

/// Waits for threads that were told to end, and hands out what is left of them, in order.
///
/// # Errors
///
/// A thread failed.
pub(crate) fn join<T>(threads: Handles<T>) -> io::Result<Vec<T>> {
    let join = |thread: JoinHandle<io::Result<T>>| {
        let panicked = |_| io::Error::other("a client thread panicked");
        thread.join().map_err(panicked)?
    };
    threads.into_iter().map(join).collect()
}

/// Raises the soft limit on descriptors to the hard one and says how many threads it takes for
/// these connections, at least `asked`.
///
/// # Errors
///
/// The limit is too low for any connection.
pub(crate) fn threads_for(conns: usize, asked: usize) -> io::Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    let per_table = limit
        .maximum
        .unwrap_or(u64::MAX)
        .saturating_sub(RESERVED_FDS);
    if per_table == 0 {
        return Err(io::Error::other(
            "the descriptor limit (ulimit -Hn) is too low",
        ));
    }
    let needed = (conns as u64).div_ceil(per_table);
    Ok(asked.max(usize::try_from(needed).unwrap_or(usize::MAX)))
}
