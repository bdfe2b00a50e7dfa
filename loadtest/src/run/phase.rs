//! What a phase of a run takes: wall time, the client's CPU by thread, the server's CPU.

use std::time::Duration;

use crate::clock::{now_ns, seconds};
use crate::host::procfs::{self, CpuTime, HostCpu, HostTicks};
use crate::report::ClientCost;
use crate::run::leader::{Leader, RunError, Waited};

/// What a phase took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase {
    /// Seconds from its start to its end.
    pub(crate) wall_s: f64,
    /// The client's threads.
    pub(crate) client: ClientCost,
    /// All threads of the server; zero where its process is not known.
    pub(crate) server: CpuTime,
    /// All CPUs of this host.
    pub(crate) host: HostCpu,
}

/// A server that has sent its last byte still has to get to sleep for its time to be counted.
pub(crate) const SETTLE: Duration = Duration::from_millis(20);

/// Measures a phase from `start` to the end of `wait`, after which the server has `settle` to come
/// to rest.
pub(crate) fn measure(
    settle: Duration,
    (server_pid, tids): (Option<u32>, &[u32]),
    start: impl FnOnce(u64),
    leader: &mut Leader,
    wait: impl FnOnce(&mut Leader) -> Result<Waited, RunError>,
) -> Result<(Waited, Phase), RunError> {
    let server_cpu = || match server_pid {
        None => Ok(CpuTime::default()),
        Some(pid) => procfs::cpu_time(pid)
            .map_err(|error| RunError::Failed(format!("CPU time of process {pid}: {error}"))),
    };
    let client_cpu = || tids.iter().map(|tid| procfs::own_thread_cpu_ns(*tid));
    let (server_before, host_before) = (server_cpu()?, HostTicks::read());
    let client_before: Vec<u64> = client_cpu().collect();
    leader.mark("messages", None);
    let start_ns = now_ns();
    start(start_ns);
    let waited = wait(leader)?;
    let wall_s = seconds(start_ns, now_ns());
    let host = HostTicks::read().since(&host_before);
    let used = client_cpu().zip(client_before);
    let used = used.map(|(after, before)| after.saturating_sub(before));
    let client = ClientCost::new(&used.collect::<Vec<_>>(), wall_s);
    leader.mark("end", None);
    leader.pause(settle)?;
    let server = server_cpu()?.since(server_before);
    let phase = Phase {
        wall_s,
        client,
        server,
        host,
    };
    Ok((waited, phase))
}
