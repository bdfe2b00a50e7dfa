//! What is found on a host, and what is not.

use std::path::Path;

use crate::doctor::tests::{LIMITS, MEMINFO, Root, STATUS, million, names, wrong};
use crate::doctor::{Host, Need, Severity, checks, examine};

#[test]
fn a_host_that_has_what_is_needed_has_no_findings() {
    let host = Root::tuned().host();
    assert_eq!(names(&wrong(&host, &million())), []);
    // And all that can be read of a folder was.
    let seen: Vec<&str> = examine(&host, &million())
        .iter()
        .map(|found| found.check.name)
        .collect();
    let unseen: Vec<&str> = checks::all()
        .map(|check| check.name)
        .filter(|name| !seen.contains(name))
        .collect();
    assert_eq!(
        unseen,
        ["descriptor-tables", "memory-limit", "cpu-quota", "threads"]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn each_planted_fault_is_found_with_a_remedy_and_no_other_is() {
    use Severity::{Fault, Note, Warning};
    let status = |line: &str| format!("Name:\tother\nVmSize:\t  1 kB\n{line}\n");
    let one_core = status("Cpus_allowed_list:\t1");
    let limits = LIMITS.replace("1048576 ", "20000   ");
    let little = MEMINFO.replace("23364572", "4000000");
    let less = MEMINFO.replace("23364572", "6000000");
    let swap = MEMINFO.replace("SwapTotal:             0", "SwapTotal:       1000000");
    let shared = STATUS.replace("0-1", "1");
    let cases: &[(&str, Severity, &str, &str)] = &[
        ("open-files", Fault, "proc/self/limits", &limits),
        ("file-max", Fault, "proc/sys/fs/file-max", "1000000\n"),
        (
            "epoll-watches",
            Fault,
            "proc/sys/fs/epoll/max_user_watches",
            "999999\n",
        ),
        ("memory", Fault, "proc/meminfo", &little),
        ("memory", Warning, "proc/meminfo", &less),
        (
            "memory",
            Fault,
            "sys/fs/cgroup/a.service/memory.max",
            "300000000\n",
        ),
        ("memory", Fault, "sys/fs/cgroup/memory.high", "300000000\n"),
        (
            "tcp-mem",
            Fault,
            "proc/sys/net/ipv4/tcp_mem",
            "287898 383867 575796\n",
        ),
        (
            "tcp-mem",
            Warning,
            "proc/sys/net/ipv4/tcp_mem",
            "287898 383867 1575796\n",
        ),
        ("swap", Note, "proc/meminfo", &swap),
        (
            "huge-pages",
            Warning,
            "sys/kernel/mm/transparent_hugepage/defrag",
            "[always] defer never\n",
        ),
        (
            "listen-queue",
            Warning,
            "proc/sys/net/core/somaxconn",
            "4096\n",
        ),
        (
            "packet-queue",
            Warning,
            "proc/net/softnet_stat",
            "00000010 00000000\n00000011 0000000a\n",
        ),
        (
            "local-ports",
            Warning,
            "proc/sys/net/ipv4/ip_local_port_range",
            "9000 65535\n",
        ),
        (
            "conntrack",
            Fault,
            "proc/sys/net/netfilter/nf_conntrack_max",
            "262144\n",
        ),
        (
            "migrate-requests",
            Note,
            "proc/sys/net/ipv4/tcp_migrate_req",
            "0\n",
        ),
        (
            "interrupts",
            Warning,
            "proc/irq/42/effective_affinity_list",
            "0\n",
        ),
        ("cores", Note, "proc/self/status", &shared),
        (
            "cpu-quota",
            Warning,
            "sys/fs/cgroup/a.service/cpu.max",
            "50000 100000\n",
        ),
        ("threads", Fault, "sys/fs/cgroup/pids.max", "5\n"),
        ("other-threads", Note, "proc/7/task/8/status", &one_core),
        (
            "clock",
            Warning,
            "sys/devices/system/clocksource/clocksource0/current_clocksource",
            "hpet\n",
        ),
        (
            "frequency",
            Warning,
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "powersave\n",
        ),
    ];
    for (name, severity, path, text) in cases {
        let root = Root::tuned();
        if *name == "threads" {
            root.put("sys/fs/cgroup/pids.current", "3\n");
        }
        root.put(path, text);
        let found = wrong(&root.host(), &million());
        assert_eq!(names(&found), [(*name, *severity)], "{path}: {text}");
        assert!(!found[0].remedies.is_empty() && !found[0].should.is_empty());
    }
}

#[test]
fn faults_that_are_not_in_one_file_are_found() {
    let tuned = Root::tuned().host();
    let find = |change: &dyn Fn(&mut Host, &mut Need)| {
        let (mut host, mut need) = (tuned.clone(), million());
        change(&mut host, &mut need);
        names(&wrong(&host, &need))
    };
    let refused = find(&|host, need| {
        (host.own_tables, host.seccomp) = (Some(false), Some(2));
        need.connections = 1_100_000;
    });
    assert_eq!(
        refused,
        [
            ("open-files", Severity::Fault),
            ("descriptor-tables", Severity::Warning),
            ("nr-open", Severity::Fault),
        ],
        "one table has half of what two have"
    );
    let few = find(&|host, need| {
        (host.open_files, host.nr_open) = (Some(1_024), Some(4_096));
        need.connections = 10_000;
    });
    assert_eq!(
        few,
        [
            ("open-files", Severity::Fault),
            ("nr-open", Severity::Fault)
        ]
    );
    let cookies = find(&|host, _| (host.syncookies, host.syn_backlog) = (Some(0), Some(2_048)));
    assert_eq!(cookies, [("handshake-queue", Severity::Warning)]);
    let budget = find(&|_, need| need.memory = Some(23 << 30));
    assert_eq!(budget, [("memory-limit", Severity::Warning)]);
    let one_queue = find(&|host, _| host.nics[0].queues = 1);
    assert_eq!(one_queue, [("receive-queues", Severity::Note)]);
    let spread = find(&|host, _| (host.nics[0].queues, host.nics[0].spreads) = (1, true));
    assert_eq!(spread, []);
}

#[test]
fn what_does_not_matter_here_is_no_finding() {
    let tuned = Root::tuned().host();
    let find = |change: &dyn Fn(&mut Host, &mut Need)| {
        let (mut host, mut need) = (tuned.clone(), million());
        change(&mut host, &mut need);
        names(&wrong(&host, &need))
    };
    // A kernel that tracks no connection, one with SYN cookies, a listener whose port is reserved,
    // a driver with a powersave of its own.
    assert_eq!(find(&|host, _| host.conntrack = Some((0, 1))), []);
    assert_eq!(find(&|host, _| host.syn_backlog = Some(1)), []);
    let reserved = find(&|host, _| {
        host.local_ports = Some((1_024, 65_535));
        host.reserved_ports = "80,8000-8999,9000".to_owned();
    });
    assert_eq!(reserved, []);
    let pstate = Some(("powersave".to_owned(), "intel_pstate".to_owned()));
    assert_eq!(find(&|host, _| host.governor.clone_from(&pstate)), []);
    assert_eq!(find(&|host, _| host.netdev_dropped = Some(0)), []);
    // A host that says nothing.
    assert_eq!(
        examine(&Host::read(Path::new("/none")), &million()).len(),
        0
    );
}
