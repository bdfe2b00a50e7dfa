//! A crew: client threads with one plan, each with its own descriptor table.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use corecast::sys::descriptors;
use crossbeam_channel::Sender;
use rustix::process::setpriority_process;

use crate::agents::wire::Part;
use crate::client::control::{Control, News};
use crate::client::worker::Worker;
use crate::client::{App, Done, Place, Plan};

pub(crate) struct Crew<A> {
    pub(crate) control: Arc<Control>,
    /// Their kernel ids, as in `/proc/self/task`.
    pub(crate) tids: Vec<u32>,
    threads: Vec<JoinHandle<io::Result<Done<A>>>>,
}

/// Descriptors of a table that are not connections: standard streams, doorbells, poll, timer.
const RESERVED_FDS: u64 = 100;

impl<A: App> Crew<A> {
    /// Starts the threads of `control`, each with the application that `app` makes for it.
    ///
    /// `keep` are the descriptors of others that the threads will use. A thread that fails says
    /// so on `news` and ends.
    pub(crate) fn start(
        plan: Plan,
        control: Arc<Control>,
        keep: &[RawFd],
        news: &Sender<News>,
        mut app: impl FnMut(Place) -> A,
    ) -> io::Result<Self> {
        let plan = Arc::new(plan);
        let keep: Vec<RawFd> = keep.iter().copied().chain(control.descriptors()).collect();
        let (tid_tx, tid_rx) = crossbeam_channel::unbounded();
        let threads = control.threads();
        // Where a thread cannot be started, those before it are told to stop.
        let mut crew = Self {
            control: Arc::clone(&control),
            tids: Vec::new(),
            threads: Vec::new(),
        };
        for thread in 0..threads {
            let (plan, control) = (Arc::clone(&plan), Arc::clone(&control));
            let (keep, tid_tx, news) = (keep.clone(), tid_tx.clone(), news.clone());
            let builder = thread::Builder::new().name(format!("{}-{thread}", plan.name));
            let Part { number, of } = plan.part;
            let place = Place::of(number * threads + thread, of * threads);
            let app = app(place);
            let body = move || {
                let refused = descriptors::own_table(&keep).err();
                let tid = rustix::thread::gettid().as_raw_pid().unsigned_abs();
                // The starter waits for it below, unless it could not start all.
                let _gone = tid_tx.send(tid);
                let result = work(place, plan, control, app);
                if let Err(error) = &result {
                    let table = refused.map(|why| format!(" (descriptor table is shared: {why})"));
                    let text = format!("client thread: {error}{}", table.unwrap_or_default());
                    // The other end is gone once the run is over.
                    drop(news.send(News::Trouble(text)));
                }
                result
            };
            crew.threads.push(builder.spawn(body)?);
        }
        crew.tids = tid_rx.iter().take(threads).collect();
        Ok(crew)
    }

    /// Ends the threads and hands out what is left of them, in order.
    pub(crate) fn stop(mut self) -> io::Result<Vec<Done<A>>> {
        self.control.stop();
        let panicked = |_| io::Error::other("a client thread panicked");
        let threads = std::mem::take(&mut self.threads).into_iter();
        threads
            .map(|thread| thread.join().map_err(panicked)?)
            .collect()
    }
}

impl<A> Drop for Crew<A> {
    fn drop(&mut self) {
        self.control.stop();
    }
}

fn work<A: App>(
    place: Place,
    plan: Arc<Plan>,
    control: Arc<Control>,
    app: A,
) -> io::Result<Done<A>> {
    if let Some(nice) = plan.nice {
        // On Linux the priority is the thread's own, setpriority(2), "C library/kernel
        // differences".
        setpriority_process(None, nice)?;
    }
    Worker::new(place, plan, control, app)?.run()
}

/// Raises the limit on descriptors and says how many threads it takes for these connections, at
/// least `asked`. Fails where the limit is too low for any connection.
pub(crate) fn threads_for(conns: usize, asked: usize) -> io::Result<usize> {
    let per_table = descriptors::raise_soft_limit()?.saturating_sub(RESERVED_FDS);
    if per_table == 0 {
        let text = "the descriptor limit (ulimit -Hn) is too low";
        return Err(io::Error::other(text));
    }
    let needed = (conns as u64).div_ceil(per_table);
    Ok(asked.max(usize::try_from(needed).unwrap_or(usize::MAX)))
}
