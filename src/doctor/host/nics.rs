//! Network interfaces: their queues, and the cores that their interrupts go to.

use crate::doctor::host::{cores, files::Files};

/// A network interface with a device that is up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nic {
    /// Its name, as `eth0`.
    pub name: String,
    /// Its queues of received packets.
    pub queues: usize,
    /// Whether the kernel passes received packets on to other cores (RPS).
    pub spreads: bool,
    /// Interrupts of its queues, and the cores that they go to.
    pub interrupts: usize,
    /// The cores, each once.
    pub cores: Vec<usize>,
}

/// All interfaces with a device, `lo` and bridges are not among them.
pub(super) fn read(files: &Files<'_>) -> Vec<Nic> {
    let names = files.names("sys/class/net").into_iter();
    let with_device = names.filter(|name| {
        let base = format!("sys/class/net/{name}");
        let state = files.text(&format!("{base}/operstate"));
        files.exists(&format!("{base}/device")) && state.is_none_or(|state| state != "down")
    });
    with_device.map(|name| nic(files, name)).collect()
}

fn nic(files: &Files<'_>, name: String) -> Nic {
    let base = format!("sys/class/net/{name}");
    let queues = files.names(&format!("{base}/queues"));
    let rx: Vec<&String> = queues
        .iter()
        .filter(|name| name.starts_with("rx-"))
        .collect();
    let spreads = rx.iter().any(|queue| {
        let mask = files.text(&format!("{base}/queues/{queue}/rps_cpus"));
        mask.is_some_and(|mask| mask.contains(|digit| !matches!(digit, '0' | ',')))
    });
    let interrupts = interrupts(files, &name);
    let mut used: Vec<usize> = interrupts
        .iter()
        .filter_map(|number| files.text(&format!("proc/irq/{number}/effective_affinity_list")))
        .flat_map(|list| cores(&list))
        .collect();
    used.sort_unstable();
    used.dedup();
    Nic {
        queues: rx.len(),
        spreads,
        interrupts: interrupts.len(),
        cores: used,
        name,
    }
}

/// The numbers of the interrupts that `/proc/interrupts` names after the interface, as
/// `eth0-TxRx-0`, or after its device, as `virtio3-input.0`. Those for its control are not among
/// them.
fn interrupts(files: &Files<'_>, name: &str) -> Vec<String> {
    let device = files.target(&format!("sys/class/net/{name}/device"));
    let text = files.text("proc/interrupts").unwrap_or_default();
    let of_queues = text.lines().filter_map(|line| {
        let number = line.trim_start().split(':').next()?;
        let what = line.split_whitespace().last()?;
        let is_its = [Some(name), device.as_deref()]
            .into_iter()
            .flatten()
            .any(|owner| {
                what.strip_prefix(owner)
                    .is_some_and(|rest| rest.starts_with('-'))
            });
        let is_control = ["config", "control", "event", "mgmnt", "async"]
            .iter()
            .any(|word| what.contains(word));
        (is_its && !is_control).then(|| number.to_owned())
    });
    of_queues.collect()
}
