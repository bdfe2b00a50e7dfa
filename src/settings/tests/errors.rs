//! What is wrong with a file, and the remedy.

use crate::settings::tests::load;

#[test]
fn all_errors_of_a_file_are_reported_together_with_line_and_remedy() {
    let text = "\
shards = 0
pim = true
[limits]
message = \"1MB\"
log = -1
connections = \"many\"
[timeouts]
ping = 25
pnog = \"10s\"
connections = 5
[colours]
red = 1
[[listener]]
protocol = \"htpp\"
adress = \"127.0.0.1:80\"
[[listener]]
address = \"localhost:80\"
topic = [\"a\"]
";
    let expected = [
        "c.toml:1: shards: cannot be 0; must be a number from 1 to 256 or \"auto\"",
        "c.toml:2: pim: unknown key; did you mean pin?",
        "c.toml:4: limits.message: cannot be \"1MB\"; must be a size from \"1B\" to \"16MiB\"",
        "c.toml:5: limits.log: cannot be this number; must be a size from \"1B\" to \"1GiB\"",
        "c.toml:6: limits.connections: cannot be \"many\"; must be a number of at least 1 or \
         \"auto\"",
        "c.toml:8: timeouts.ping: cannot be 25; must be a time from \"100ms\" to \"24h\"",
        "c.toml:9: timeouts.pnog: unknown key; did you mean timeouts.pong?",
        "c.toml:10: timeouts.connections: unknown key; did you mean limits.connections?",
        "c.toml:11: colours: unknown key; see `corecast config doc` for all keys",
        "c.toml:13: listener.0.address: is missing; must be an IP address with a port, such as \
         \"127.0.0.1:8080\" or \"[::]:8080\", a path of at most 107 bytes, such as \
         \"unix:/run/corecast.sock\", or \"systemd:name\"",
        "c.toml:14: listener.0.protocol: cannot be \"htpp\"; must be \"http\", \
         \"length-prefix\", \"line\", \"varint\" or \"centrifuge\"",
        "c.toml:15: listener.0.adress: unknown key; did you mean address?",
        "c.toml:16: listener.1.protocol: is missing; must be \"http\", \"length-prefix\", \
         \"line\", \"varint\" or \"centrifuge\"",
        "c.toml:17: listener.1.address: cannot be \"localhost:80\"; must be an IP address with a \
         port, such as \"127.0.0.1:8080\" or \"[::]:8080\", a path of at most 107 bytes, such as \
         \"unix:/run/corecast.sock\", or \"systemd:name\"",
        "c.toml:18: listener.1.topic: cannot be [\"a\"]; must be a text of 1 to 255 bytes",
    ];
    let problems = load(text, &[], &[]);
    assert_eq!(problems, expected, "\n{}", problems.join("\n"));
}

#[test]
fn a_syntax_error_of_toml_is_reported_with_its_line() {
    let problems = load("shards = 1\npin = yes\n[limits\n", &[], &[]);
    assert!(2 <= problems.len(), "{problems:?}");
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with("c.toml:2: ")),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with("c.toml:3: ")),
        "{problems:?}"
    );
}

#[test]
fn sections_and_keys_are_not_taken_for_each_other() {
    let check = |text: &str, words: &str| {
        let problems = load(text, &[], &[]);
        assert!(
            problems.iter().any(|problem| problem.contains(words)),
            "{problems:?}"
        );
    };
    check(
        "limits = 1",
        "c.toml:1: limits: is no key; must be a section, as in [limits]",
    );
    check(
        "[shards]\nx = 1",
        "shards: cannot be a value of the type table",
    );
    check(
        "[listener]\naddress = \"127.0.0.1:1\"",
        "c.toml:1: listener: must be a list of tables",
    );
    check(
        "listener = [1]",
        "each needs a header of its own: [[listener]]",
    );
    check("listener = []", "listener: there is none; add a table");
    check(
        "[limit]\nmessage = \"1KiB\"",
        "c.toml:1: limit: unknown key; did you mean limits?",
    );
}

#[test]
fn no_part_of_the_memory_may_exceed_the_whole() {
    for part in ["backlog", "replies", "assembly", "history"] {
        let text = format!("[limits]\nmemory = \"1GiB\"\n{part} = \"2GiB\"");
        let expected =
            format!("c.toml:3: limits.{part}: 2GiB is more than limits.memory, 1GiB; must");
        let problems = load(&text, &[], &[]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&expected), "{problems:?}");
    }
}

#[test]
fn a_key_of_another_protocol_is_reported() {
    for (protocol, key, expected) in [
        ("http", "topic = \"a\"", "http listeners have none"),
        (
            "http",
            "format = \"json\"",
            "only centrifuge listeners have one",
        ),
        (
            "line",
            "format = \"json\"",
            "only centrifuge listeners have one",
        ),
        (
            "centrifuge",
            "token = true",
            "centrifuge listeners have none",
        ),
        ("centrifuge", "format = \"protobuf\"", ""),
        ("line", "topic = \"a\"", ""),
    ] {
        let listener = format!("protocol = \"{protocol}\"\naddress = \"127.0.0.1:1\"\n{key}\n");
        let problems = load(&format!("[[listener]]\n{listener}"), &[], &[]);
        let (name, _) = key.split_once(' ').unwrap();
        let expected = format!("c.toml:4: listener.0.{name}: {expected}; leave it out");
        match &problems[..] {
            [] => assert!(expected.contains(": ;"), "{protocol} {key}"),
            [problem] => assert!(problem.starts_with(&expected), "{problem}"),
            _ => panic!("{problems:?}"),
        }
    }
}

#[test]
fn values_that_contradict_each_other_are_reported() {
    let check = |text: &str, expected: &str| {
        let problems = load(text, &[], &[]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(expected), "{problems:?}");
    };
    check(
        "[limits]\nmessage = \"2MiB\"\nassembly = \"1MiB\"",
        "c.toml:3: limits.assembly: 1MiB is less than one message of limits.message, 2MiB; must",
    );
    check(
        "[limits]\nbody = \"2MiB\"\nassembly = \"1MiB\"",
        "c.toml:3: limits.assembly: 1MiB is less than one body of limits.body, 2MiB; must",
    );
    check(
        "[limits]\nbacklog = \"64MiB\"\nlog = \"65MiB\"",
        "c.toml:2: limits.backlog: 64MiB is less than one log of limits.log, 65MiB; must",
    );
    let of = |more: &str| {
        let listener = "[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:1\"\n";
        format!("{listener}{more}{listener}").replacen(":1\"", ":2\"", 1)
    };
    assert_eq!(load(&of(""), &[], &[]).len(), 0);
    check(
        &of("topic = \"a\"\n"),
        "c.toml:4: listener.0.topic: http listeners have none; leave it out",
    );
    check(
        &of("proxy_protocol = true\n"),
        "c.toml:4: listener.0.proxy_protocol: no proxy is trusted; name them in trusted_proxies",
    );
    let path = of("unix_mode = \"0600\"\nproxy_protocol = true\n").replace("127.0.0.1:2", "unix:a");
    assert_eq!(load(&path, &[], &[]).len(), 0);
    check(
        &of("unix_mode = \"0600\"\n"),
        "c.toml:4: listener.0.unix_mode: only paths have permissions; leave it out",
    );
    check(
        &of("balance = \"hash\"\n").replace("127.0.0.1:2", "unix:a"),
        "c.toml:4: listener.0.balance: only a port can be accepted by every shard; must be",
    );
    check(
        &of("")
            .replace("127.0.0.1:2", "unix:a")
            .replace("127.0.0.1:1", "unix:a"),
        "c.toml:6: listener.1.address: unix:a is the address of listener.0.address, too",
    );
    check(
        &of("").replace("127.0.0.1:2", "unix:"),
        "c.toml:3: listener.0.address: cannot be \"unix:\"; must be an IP address with a port",
    );
    check(
        &of("unix_mode = \"0888\"\n").replace("127.0.0.1:2", "unix:a"),
        "c.toml:4: listener.0.unix_mode: cannot be \"0888\"; must be permissions of a file",
    );
    check(
        &format!("{}name = \"a\"\n", of("name = \"a\"\n")),
        "c.toml:8: listener.1.name: \"a\" is another listener's name; must",
    );
    check(
        &of("").replace(":2\"", ":1\""),
        "c.toml:6: listener.1.address: 127.0.0.1:1 is the address of listener.0.address, too",
    );
    check(
        "[admin]\naddress = \"127.0.0.1:8080\"",
        "c.toml:2: admin.address: 127.0.0.1:8080 is the address of listener.0.address, too",
    );
    let free = "[admin]\naddress = \"127.0.0.1:0\"";
    assert_eq!(load(free, &[], &[("--http", "127.0.0.1:0")]).len(), 0);
}
