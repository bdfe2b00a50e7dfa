//! `corecast doctor` on hosts that are really set wrong: a lowered limit, a network namespace, a
//! control group.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::program::Program;

const CORECAST: &str = env!("CARGO_BIN_EXE_corecast");

/// Runs a script of sh with `$corecast` in it.
fn sh(script: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-ec", script]).env("corecast", CORECAST);
    command.stdin(Stdio::null()).output().unwrap()
}

fn told(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(told).unwrap()
}

/// The exit code, and what `--json` says.
fn findings(output: &Output) -> (Option<i32>, Value) {
    let parsed = serde_json::from_slice(&output.stdout);
    let found = parsed.unwrap_or_else(|err| panic!("{err}: {}", told(output)));
    (output.status.code(), found)
}

/// What a check says of the host, and what it is.
fn state<'v>(found: &'v Value, name: &str) -> (&'v str, &'v str) {
    let checks = found["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("no {name}: {found:#}"));
    let (state, is) = (check["state"].as_str(), check["is"].as_str());
    (state.unwrap(), is.unwrap())
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

/// A folder of a test's own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("corecast-doctor-{test}-{}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn a_lowered_limit_of_open_files_is_a_fault_and_what_it_proposes_is_none() {
    let output = sh("ulimit -n 1024; exec $corecast doctor --connections 5000 --shards 2 --json");
    let (code, found) = findings(&output);
    assert_eq!(code, Some(3), "{found:#}");
    let (word, is) = state(&found, "open-files");
    assert_eq!(word, "fault");
    assert_eq!(is, "1024 open files per shard allow only 1844 connections");
    let checks = found["checks"].as_array().unwrap();
    let remedies = checks[0]["remedies"].as_array().unwrap();
    let more = remedies[1].as_str().unwrap().strip_prefix("use ").unwrap();
    let (_, found) = findings(&sh(&format!(
        "ulimit -n 1024; exec $corecast doctor --connections 5000 {more} --json"
    )));
    assert_eq!(state(&found, "open-files").0, "ok", "{more}");
}

#[test]
fn the_files_for_a_million_connections_have_what_a_run_of_a_million_had() {
    let folder = Folder::new("million");
    let out = folder.path();
    let fix = format!(
        "ulimit -n 1024; exec $corecast doctor --connections 1000000 --shards 2 --fix --out {out}"
    );
    let output = sh(&fix);
    let text = told(&output);
    for then in ["then: sysctl --system", "then: systemctl daemon-reload && "] {
        assert!(text.contains(then), "{text}");
    }
    let number = |path: &str, key: &str, at: usize| {
        let text = folder.text(path);
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let value = line.unwrap_or_else(|| panic!("no {key}: {text}"));
        let mut words = value.trim_start_matches([' ', '=']).split(' ');
        words.nth(at).unwrap().parse::<u64>().unwrap()
    };
    let sysctl = "sysctl.d/60-corecast.conf";
    // As in docs/BENCHMARKS.md, 1,000,000 connections, and sysctl/.
    assert!(number(sysctl, "net.core.somaxconn", 0) >= 65_535);
    assert!(number(sysctl, "net.ipv4.tcp_max_syn_backlog", 0) >= 65_535);
    for (at, least) in [1_000_000, 2_000_000, 3_000_000].into_iter().enumerate() {
        assert!(number(sysctl, "net.ipv4.tcp_mem", at) >= least);
    }
    let unit = "systemd/system/corecast.service.d/60-corecast.conf";
    assert!(
        number(unit, "LimitNOFILE", 0) >= 500_102,
        "half a million of each shard"
    );
    assert!(
        folder
            .text("security/limits.d/60-corecast.conf")
            .contains("hard  nofile")
    );
    // Its own files are replaced.
    assert_eq!(sh(&fix).status.code(), output.status.code());
}

#[test]
fn a_file_of_a_person_is_not_replaced() {
    let folder = Folder::new("foreign");
    let file = "sysctl.d/60-corecast.conf";
    fs::create_dir_all(folder.0.join("sysctl.d")).unwrap();
    fs::write(folder.0.join(file), "net.core.somaxconn = 1\n").unwrap();
    let out = folder.path();
    let output = sh(&format!(
        "ulimit -n 1024; exec $corecast doctor --connections 100000 --fix --out {out}"
    ));
    assert_eq!(output.status.code(), Some(2));
    let text = told(&output);
    assert!(
        text.contains("60-corecast.conf: is not made by corecast doctor"),
        "{text}"
    );
    assert_eq!(folder.text(file), "net.core.somaxconn = 1\n");
    assert!(!Path::new(out).join("systemd").exists(), "all or none");
}

#[test]
fn bad_settings_of_a_network_are_found_and_the_file_sets_them_right() {
    let namespace = ["--net", "--map-root-user"];
    let may = Command::new("unshare").args(namespace).arg("true").output();
    if !may.is_ok_and(|output| output.status.success()) {
        return skip("no network namespace can be made here");
    }
    let folder = Folder::new("network");
    let (out, doctor) = (
        folder.path(),
        "$corecast doctor --connections 200000 --shards 2",
    );
    let script = format!(
        "cd /proc/sys/net\n\
         echo 128 > core/somaxconn\n\
         echo 0 > ipv4/tcp_syncookies\n\
         echo 64 > ipv4/tcp_max_syn_backlog\n\
         echo 8000 65535 > ipv4/ip_local_port_range\n\
         {doctor} --json > {out}/before || true\n\
         {doctor} --fix --out {out} > {out}/fixed || true\n\
         grep -v '^#' {out}/sysctl.d/60-corecast.conf | while read -r key is value; do\n\
         file=/proc/sys/$(echo \"$key\" | tr . /)\n\
         if [ -n \"$key\" ] && [ -e \"$file\" ]; then echo \"$value\" > \"$file\"; fi\n\
         done\n\
         {doctor} --json > {out}/after || true\n"
    );
    let mut command = Command::new("unshare");
    command.args(namespace).args(["sh", "-ec", &script]);
    let output = command.env("corecast", CORECAST).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let [before, after] = ["before", "after"]
        .map(|name| -> Value { serde_json::from_str(&folder.text(name)).unwrap() });
    for (name, word) in [
        ("listen-queue", "warning"),
        ("handshake-queue", "warning"),
        ("local-ports", "warning"),
        ("migrate-requests", "note"),
    ] {
        assert_eq!(state(&before, name).0, word, "{before:#}");
        assert_eq!(state(&after, name).0, "ok", "{after:#}");
    }
}

/// A control group in the hierarchy of one controller, of version 1 or 2; gone when dropped.
struct Group(PathBuf);

impl Group {
    /// One below the root of the hierarchy, with these values in its files: the first that is for
    /// the version at hand. `None` if none can be made.
    fn new(controller: &str, test: &str, values: &[(&str, &str)]) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        mounts.lines().find_map(|line| {
            let (place, kind) = line.split_once(" - ")?;
            let point = Path::new(place.split(' ').nth(4)?);
            let mut kind = kind.split(' ');
            match kind.next()? {
                "cgroup" if kind.nth(1)?.split(',').any(|word| word == controller) => {}
                "cgroup2" => {
                    let control = point.join("cgroup.subtree_control");
                    fs::write(control, format!("+{controller}")).ok()?;
                }
                _ => return None,
            }
            let group = Self(point.join(format!("corecast-{test}-{}", std::process::id())));
            fs::create_dir(&group.0).ok()?;
            let written = values
                .iter()
                .any(|(file, value)| fs::write(group.0.join(file), value).is_ok());
            written.then_some(group)
        })
    }

    fn procs(&self) -> String {
        self.0.join("cgroup.procs").display().to_string()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that has been waited for is in it for a moment more.
        for _ in 0..1_000_000 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// Groups with little memory, half a core, and few threads.
fn little(test: &str) -> Option<[Group; 3]> {
    let memory = [
        ("memory.limit_in_bytes", "314572800"),
        ("memory.max", "314572800"),
    ];
    let half = [("cpu.cfs_quota_us", "50000"), ("cpu.max", "50000 100000")];
    let memory = Group::new("memory", test, &memory)?;
    let cpu = Group::new("cpu", test, &half)?;
    let pids = Group::new("pids", test, &[("pids.max", "8")])?;
    Some([memory, cpu, pids])
}

#[test]
fn a_control_group_with_little_is_found() {
    let Some(groups) = little("doctor") else {
        return skip("no control group can be made here");
    };
    let enter: String = groups
        .iter()
        .map(|group| format!("echo $$ > {}; ", group.procs()))
        .collect();
    let output = sh(&format!(
        "{enter} exec $corecast doctor --connections 100000 --shards 2 --json"
    ));
    let (code, found) = findings(&output);
    assert_eq!(code, Some(3));
    let (word, is) = state(&found, "memory");
    assert_eq!((word, is), ("fault", "300 MiB allowed by a control group"));
    let (word, is) = state(&found, "cpu-quota");
    assert_eq!((word, is), ("warning", "0.500 cores for 2 shards"));
    assert_eq!(state(&found, "threads").0, "fault");
}

#[test]
fn a_server_obeys_its_control_group_and_warns_of_what_it_lacks() {
    let Some([memory, cpu, _]) = little("serve") else {
        return skip("no control group can be made here");
    };
    let script = format!(
        "echo $$ > {}; echo $$ > {}; exec $corecast --http 127.0.0.1:0 --tcp 127.0.0.1:0 \
         --max-connections 100000",
        memory.procs(),
        cpu.procs()
    );
    let mut command = Command::new("sh");
    command.args(["-ec", &script]).env("corecast", CORECAST);
    let mut program = Program::spawn(command);
    let why = program.wait_for("limits.connections: 100000 connections are set, but memory: ");
    assert!(
        why.starts_with("300 MiB allowed by a control group; should be "),
        "{why}"
    );
    assert!(
        program.wait_for("ready: ").starts_with("1 shards"),
        "half a core"
    );
}
