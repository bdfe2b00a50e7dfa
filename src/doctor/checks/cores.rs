//! Cores and time: what the server may use, and what takes them from it.

use crate::doctor::checks::{Check, Host, Judgement, Need, Remedy, Severity};
use crate::limits::THREADS_BESIDE_SHARDS;

pub(super) static CHECKS: &[Check] = &[
    Check {
        name: "cores",
        read: "/proc/self/status: Cpus_allowed_list; /sys/devices/system/cpu/online",
        what: "Cores that the server may use, against its shards.",
        why: "shards that share a core take turns on it, and wait for each other",
        source: "sched_setaffinity(2), cpuset(7)",
        judge: cores,
    },
    Check {
        name: "cpu-quota",
        read: "cpu.max of the control groups, or cpu.cfs_quota_us and cpu.cfs_period_us",
        what: "CPU time that the control groups allow, against the shards.",
        why: "when the shards have used it up, all of them stop until the next period, for up to \
              0.1 s",
        source: "Documentation/scheduler/sched-bwc.rst",
        judge: quota,
    },
    Check {
        name: "threads",
        read: "pids.max and pids.current of the control groups",
        what: "Threads that may still be started: one for each shard, and some others.",
        why: "the server does not start",
        source: "Documentation/admin-guide/cgroup-v2.rst: pids.max",
        judge: threads,
    },
    Check {
        name: "other-threads",
        read: "/proc/*/task/*/status: Cpus_allowed_list",
        what: "Threads of other programs that are bound to cores of this server, if its shards \
               are bound as well.",
        why: "neither can leave the core when the other one is busy",
        source: "sched_setaffinity(2)",
        judge: others,
    },
    Check {
        name: "clock",
        read: "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        what: "What the kernel reads the time from.",
        why: "each look at the clock takes a microsecond or more instead of some nanoseconds, \
              and each turn of a shard has one",
        source: "vdso(7); arch/x86/include/asm/vdso/clocksource.h: the clocks that need no system call",
        judge: clock,
    },
    Check {
        name: "frequency",
        read: "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor, scaling_driver",
        what: "How the frequency of the cores is chosen.",
        why: "the cores always run at their lowest frequency",
        source: "Documentation/admin-guide/pm/cpufreq.rst: powersave; intel_pstate.rst: its \
                 powersave is another algorithm",
        judge: frequency,
    },
];

fn cores(host: &Host, need: &Need) -> Option<Judgement> {
    let (allowed, online) = (host.cores.len(), host.cores_online.len());
    if allowed == 0 {
        return None;
    }
    let shards = need.shards();
    let is = format!(
        "{shards} shards on {allowed} cores, of {}",
        online.max(allowed)
    );
    if shards <= allowed {
        return Some(Judgement::fine(is));
    }
    let should = format!("{allowed} shards, unless the limit of open files needs more");
    let wrong = Judgement::wrong(Severity::Note, is, should);
    Some(wrong.by(Remedy::Do(format!("use --shards {allowed}"))))
}

fn quota(host: &Host, need: &Need) -> Option<Judgement> {
    let quota = host.quota?;
    let (shards, whole) = (need.shards(), quota.div_ceil(1_000));
    let is = format!(
        "{}.{:03} cores for {shards} shards",
        quota / 1_000,
        quota % 1_000
    );
    if shards <= whole {
        return Some(Judgement::fine(is));
    }
    let should = format!("{shards} cores, or {whole} shards");
    let wrong = Judgement::wrong(Severity::Warning, is, should);
    let wrong = wrong.by(Remedy::Do(format!("use --shards {whole}")));
    let raise = format!("CPUQuota={shards}00% in the unit of systemd, --cpus {shards} of Docker");
    Some(wrong.by(Remedy::Do(raise)))
}

fn threads(host: &Host, need: &Need) -> Option<Judgement> {
    let left = host.threads_left?;
    let needed = need.shards() + THREADS_BESIDE_SHARDS;
    let is = format!("{left} more may start");
    if needed <= left {
        return Some(Judgement::fine(is));
    }
    let wrong = Judgement::wrong(Severity::Fault, is, format!("{needed} or more"));
    Some(wrong.by(Remedy::Unit("TasksMax", (2 * needed).to_string())))
}

fn others(host: &Host, need: &Need) -> Option<Judgement> {
    if !need.pins || host.cores.is_empty() {
        return None;
    }
    let Some(first) = host.others.first() else {
        return Some(Judgement::fine("none"));
    };
    let (name, pid) = (&first.name, &first.pid);
    let count = host.others.len();
    let is = format!("{count}, the first of process {pid} ({name})");
    let wrong = Judgement::wrong(Severity::Note, is, "none on the cores of the server");
    Some(wrong.by(Remedy::Do(
        "give one of them other cores (CPUAffinity= of systemd, taskset -a), or set pin = false"
            .to_owned(),
    )))
}

fn clock(host: &Host, _need: &Need) -> Option<Judgement> {
    let (current, available) = host.clock.as_ref()?;
    if !matches!(current.as_str(), "hpet" | "acpi_pm") {
        return Some(Judgement::fine(current));
    }
    let fast = ["tsc", "kvm-clock"];
    let better = fast
        .into_iter()
        .find(|fast| available.split(' ').any(|name| name == *fast));
    let wrong = Judgement::wrong(Severity::Warning, current, "tsc or kvm-clock");
    Some(
        wrong.by(Remedy::Do(match better {
            Some(name) => format!(
                "echo {name} > /sys/devices/system/clocksource/clocksource0/current_clocksource"
            ),
            None => {
                "dmesg says why the kernel does not trust tsc; another type of virtual machine \
                 may have it"
                    .to_owned()
            }
        })),
    )
}

fn frequency(host: &Host, _need: &Need) -> Option<Judgement> {
    let (governor, driver) = host.governor.as_ref()?;
    let is = format!("{governor} of {driver}");
    if governor != "powersave" || driver.contains("pstate") {
        return Some(Judgement::fine(is));
    }
    let wrong = Judgement::wrong(Severity::Warning, is, "performance or schedutil");
    Some(wrong.by(Remedy::Do(
        "cpupower frequency-set -g performance".to_owned(),
    )))
}
