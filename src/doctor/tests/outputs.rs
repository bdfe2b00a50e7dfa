//! What is made of findings: files, a report, the page.

use crate::doctor::fix::{self, MARK};
use crate::doctor::tests::{LIMITS, Root, million, names, wrong};
use crate::doctor::{Host, Remedy, checks, examine, page, report};

#[test]
fn the_files_set_right_what_was_found() {
    let root = Root::tuned();
    root.put("proc/self/limits", &LIMITS.replace("1048576 ", "20000   "));
    root.put("proc/sys/net/core/somaxconn", "4096\n");
    root.put("proc/sys/net/ipv4/tcp_syncookies", "0\n");
    root.put("proc/sys/net/ipv4/tcp_max_syn_backlog", "64\n");
    root.put("proc/sys/net/ipv4/tcp_mem", "287898 383867 575796\n");
    root.put("proc/sys/net/ipv4/ip_local_port_range", "1024 65535\n");
    root.put("proc/sys/net/ipv4/ip_local_reserved_ports", "7000\n");
    root.put("proc/sys/fs/epoll/max_user_watches", "100\n");
    let host = root.host();
    let found = examine(&host, &million());
    let files = fix::files(&host, &million(), &found);
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path.starts_with(path));
        file.unwrap().text.as_str()
    };
    for file in &files {
        assert!(file.text.lines().next().unwrap().contains(MARK), "{file:?}");
    }
    assert!(text("systemd/").contains("\n[Service]\nLimitNOFILE=1048576\n"));
    assert!(text("security/").contains("\n*     hard  nofile  1048576\nroot "));
    // What the settings say is put into the root as the kernel would.
    for line in text("sysctl.d/")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let Some((key, value)) = line.split_once(" = ") else {
            continue;
        };
        root.put(&format!("proc/sys/{}", key.replace('.', "/")), value);
    }
    root.put("proc/self/limits", LIMITS);
    assert_eq!(names(&wrong(&root.host(), &million())), []);
    assert_eq!(fix::remaining(&found).len(), 0);
}

#[test]
fn no_value_is_lowered() {
    let root = Root::tuned();
    root.put("proc/sys/net/ipv4/tcp_mem", "5 2500000 9000000\n");
    root.put("proc/sys/net/core/somaxconn", "100000\n");
    let host = root.host();
    let text = fix::sysctl(&host, &million(), &examine(&host, &million()));
    assert!(
        text.contains("\nnet.ipv4.tcp_mem = 1000000 2500000 9000000\n"),
        "{text}"
    );
    assert!(text.contains("\nnet.core.somaxconn = 100000\n"), "{text}");
}

/// What the run of a million connections in docs/BENCHMARKS.md used is in the file of the tree.
#[test]
fn the_file_of_kernel_settings_is_that_for_a_million_connections() {
    let text = fix::sysctl(&Host::default(), &million(), &[]);
    assert!(
        include_str!("../../../sysctl/60-corecast.conf") == text,
        "run: cargo run -- doctor --sysctl --connections 1000000 > sysctl/60-corecast.conf"
    );
    for line in [
        "net.core.somaxconn = 65535",
        "net.ipv4.tcp_max_syn_backlog = 65535",
        "net.ipv4.tcp_mem = 1000000 2000000 3000000",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}");
    }
}

#[test]
fn the_page_of_checks_is_up_to_date() {
    assert!(
        include_str!("../../../docs/DOCTOR.md") == page::page(),
        "run: cargo run -- doctor --page > docs/DOCTOR.md"
    );
    let mut names: Vec<&str> = checks::all().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), checks::all().count(), "names are unique");
}

#[test]
fn a_report_says_what_it_is_what_it_should_be_why_and_the_command() {
    let root = Root::tuned();
    root.put("proc/sys/net/core/somaxconn", "4096\n");
    let found = examine(&root.host(), &million());
    let text = report::text(&million(), &found);
    assert!(
        text.starts_with("for 1000000 connections on 2 shards:\n"),
        "{text}"
    );
    let at = text.find("warning  listen-queue      4096\n").unwrap();
    let paragraph = &text[at..];
    assert!(paragraph.contains("should be 65535 or more; otherwise after a restart"));
    assert!(
        paragraph.contains("  sysctl -w net.core.somaxconn=65535\n"),
        "{text}"
    );
    assert!(
        text.contains("\n1 warning; `corecast doctor --fix`"),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&report::json(&million(), &found)).unwrap();
    assert_eq!(json["state"], "warning");
    let checks = json["checks"].as_array().unwrap();
    let queue = checks.iter().find(|check| check["name"] == "listen-queue");
    assert_eq!(
        queue.unwrap()["remedies"][0],
        "sysctl -w net.core.somaxconn=65535"
    );
    let quoted = Remedy::Sysctl("net.ipv4.tcp_mem", "1 2 3".to_owned());
    assert_eq!(quoted.to_string(), "sysctl -w net.ipv4.tcp_mem=\"1 2 3\"");
}
