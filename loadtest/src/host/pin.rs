//! Which CPUs the server and the client run on.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The first CPU for the server and the others for the client, or all for both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pinning {
    all: CpuSet,
    server: CpuSet,
    client: CpuSet,
}

impl Pinning {
    /// Divides the CPUs this process may use, if there are two and it is `wanted`.
    pub(crate) fn new(wanted: bool) -> io::Result<Self> {
        let all = sched_getaffinity(None)?;
        let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu));
        let (Some(first), true) = (first, wanted && all.count() > 1) else {
            return Ok(Self {
                all,
                server: all,
                client: all,
            });
        };
        let mut server = CpuSet::new();
        server.set(first);
        let mut client = all;
        client.unset(first);
        Ok(Self {
            all,
            server,
            client,
        })
    }

    /// Whether server and client are apart.
    pub(crate) fn is_apart(&self) -> bool {
        self.server != self.client
    }

    /// Starts a process on the server's CPU: children inherit what the calling thread may use.
    pub(crate) fn on_server_cpu<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        sched_setaffinity(None, &self.server)?;
        let started = start();
        self.take_client_cpus()?;
        started
    }

    /// Moves the calling thread, and those it starts from now on, to the client's CPUs.
    pub(crate) fn take_client_cpus(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.client)?)
    }

    /// Lets the calling thread use again what it could before: runs of a file follow each other.
    pub(crate) fn give_back(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.all)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_cpus_are_given_back() {
        // A thread of its own: the other tests keep theirs.
        let thread = std::thread::spawn(|| {
            let before = sched_getaffinity(None).unwrap();
            let pinning = Pinning::new(true).unwrap();
            pinning.take_client_cpus().unwrap();
            assert_eq!(
                sched_getaffinity(None).unwrap() != before,
                pinning.is_apart()
            );
            pinning.give_back().unwrap();
            assert!(sched_getaffinity(None).unwrap() == before);
        });
        thread.join().unwrap();
    }
}
