//! Threads of other programs that are bound to some of the cores.

use crate::doctor::host::{Host, after, cores, files::Files};

/// A thread of another program that may use only some of the host's cores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Other {
    /// The number of its process.
    pub pid: String,
    /// Its name.
    pub name: String,
    /// The cores that it may use.
    pub cores: Vec<usize>,
}

/// Those bound to cores that this process may use, and to fewer than it may.
pub(super) fn read(files: &Files<'_>, host: &Host) -> Vec<Other> {
    let own = files.target("proc/self").unwrap_or_default();
    let names = files.names("proc").into_iter();
    let pids = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let threads = pids.filter(|pid| *pid != own).flat_map(|pid| {
        let threads = files.names(&format!("proc/{pid}/task"));
        threads.into_iter().map(move |thread| (pid.clone(), thread))
    });
    let bound = threads.take(THREADS_MAX).filter_map(|(pid, thread)| {
        let status = files.text(&format!("proc/{pid}/task/{thread}/status"))?;
        // A thread of the kernel has no memory of its own.
        after(&status, "VmSize:")?;
        let cores = cores(after(&status, "Cpus_allowed_list:")?);
        let is_bound = cores.len() < host.cores.len().min(host.cores_online.len());
        let meets = cores.iter().any(|core| host.cores.contains(core));
        (is_bound && meets).then(|| Other {
            name: after(&status, "Name:").unwrap_or_default().to_owned(),
            pid,
            cores,
        })
    });
    bound.collect()
}

/// Threads that are looked at; each takes some 20 µs.
const THREADS_MAX: usize = 20_000;
