use super::draft::{LISTENER_FLAGS, variable};
use super::field::Field;
use super::keys::{KEYS, Key, SECTIONS};
use super::listener_keys::LISTENER_KEYS;
use super::raw_value::RawValue;
use super::value::units::{show_size, show_time};
use super::*;
use crate::proto::Role;

fn load(text: &str, env: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Vec<String> {
    let problems = read(text, env, flags).err().unwrap_or_default();
    problems.iter().map(Problem::to_string).collect()
}

fn read(
    text: &str,
    env: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Settings, Vec<Problem>> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings::load(&Input {
        file: Some(("c.toml", text)),
        env: env.iter().map(owned).collect(),
        flags: flags
            .iter()
            .map(|(flag, value)| (*flag, (*value).to_owned()))
            .collect(),
    })
}

/// All values, without where they come from.
fn values(settings: &Settings) -> String {
    let mut settings = settings.clone();
    settings.sources.clear();
    format!("{settings:?}")
}

/// A value that is right and not the default, as in a variable.
fn sample<T: Clone>(key: &Key<T>, default: &T) -> String {
    let other = match &key.field {
        Field::Switch(at) => (!*at(&mut default.clone())).to_string(),
        Field::SwitchOr(at, _) => at(&mut default.clone()).is_none().to_string(),
        Field::Count(_, range) | Field::CountOr(_, range, _) => range.start().to_string(),
        Field::Size(_, range) | Field::SizeOr(_, range, _) => show_size(*range.end()),
        Field::Time(_, range) | Field::TimeOr(_, range, _) => show_time(*range.end()),
        Field::RateOr(_, per, _) => per.examples()[1].to_owned(),
        Field::Choice(at) => {
            let words = at(&mut default.clone()).words();
            (*words.last().unwrap()).to_owned()
        }
        Field::Listen(_) => "unix:beside.sock".to_owned(),
        Field::AddressOr(..) => "[::1]:65535".to_owned(),
        Field::Mode(_) => "0777".to_owned(),
        Field::Text(..) if key.is_secret => "hunter2".to_owned(),
        Field::Text(..) => "\"\\\u{1}x".to_owned(),
        Field::List(at) => at(&mut default.clone()).example().join(","),
    };
    assert_ne!(
        key.field.show(default).trim_matches('"'),
        other,
        "{}",
        key.name
    );
    other
}

/// The same in a file.
fn literal<T: Clone>(key: &Key<T>, sample: &str) -> String {
    match key.field {
        Field::Switch(_) | Field::SwitchOr(..) | Field::Count(..) | Field::CountOr(..) => {
            sample.to_owned()
        }
        Field::List(_) => value::list::show_list(&value::list::split(sample)),
        _ => field::quote(sample),
    }
}

/// A file with one key; what must go with it goes with it.
fn file_with(key: &str, value: &str) -> String {
    let size = "limits.message";
    match key.rsplit_once('.') {
        None => format!("{key} = {value}\n"),
        Some(("limits", "message")) => {
            format!("[limits]\nmessage = {value}\nassembly = \"1GiB\"\n")
        }
        Some(("limits", "log")) => format!("[limits]\nlog = {value}\nbacklog = \"1GiB\"\n"),
        Some((section, last)) => {
            assert_ne!(key, size);
            format!("[{section}]\n{last} = {value}\n")
        }
    }
}

#[test]
fn the_default_file_gives_the_defaults() {
    let settings = read(&default_file(), &[], &[]).unwrap();
    assert_eq!(values(&settings), values(&Settings::default()));
    for key in LISTENER_KEYS {
        let line = format!("\n{} = ", key.name);
        let text = default_file().replace("\n# ", "\n");
        assert!(text.contains(&line), "{}", key.name);
    }
    let nothing = read("", &[], &[]).unwrap();
    assert_eq!(values(&nothing), values(&Settings::default()));
}

#[test]
fn every_key_is_read_from_everywhere_and_printed_back() {
    let default = Settings::default();
    for key in KEYS {
        let sample = sample(key, &default);
        let literal = literal(key, &sample);
        let text = file_with(key.name, &literal);
        let by_file = read(&text, &[], &[]).unwrap();
        assert_eq!(key.field.show(&by_file), literal, "{}", key.name);
        let print = by_file.print();
        if key.is_secret {
            assert!(!print.contains(&sample), "{print}");
            let by_env = read("", &[(&variable(key.name), &sample)], &[]).unwrap();
            assert_eq!(key.field.show(&by_env), literal, "{}", key.name);
            continue;
        }
        let last = key.name.rsplit('.').next().unwrap();
        assert!(
            print.contains(&format!("\n{last} = {literal} # c.toml:"))
                || print.starts_with(&format!("{last} = {literal} # c.toml:1\n")),
            "{print}"
        );
        let again = read(&print, &[], &[]).unwrap();
        assert_eq!(values(&again), values(&by_file), "{}", key.name);

        let env = [(variable(key.name), sample.clone())];
        let rest = format!("\n{text}").replace(&format!("\n{last} = {literal}\n"), "\n");
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let by_env = read(&rest, &env, &[]).unwrap();
        assert_eq!(key.field.show(&by_env), literal, "{}", key.name);
        assert!(
            by_env
                .print()
                .contains(&format!(" # {}\n", variable(key.name)))
        );
        if let Some(flag) = key.flag {
            let by_flag = read(&rest, &[], &[(flag, &sample)]).unwrap();
            assert_eq!(key.field.show(&by_flag), literal, "{flag}");
            assert!(by_flag.print().contains(&format!(" # {flag}\n")));
        }
    }
}

#[test]
fn every_key_of_a_listener_is_read_from_everywhere_and_printed_back() {
    let default = Listen::new(Protocol::Http, listener_keys::NO_ADDRESS);
    for key in LISTENER_KEYS {
        let sample = sample(key, &default);
        let literal = literal(key, &sample);
        let address = match key.name {
            "unix_mode" => "address = \"unix:beside.sock\"\n",
            _ => "address = \"127.0.0.1:1\"\n",
        };
        let keys = [
            "protocol = \"length-prefix\"\n",
            address,
            "tls_chain = [\"a.pem\", \"b.pem\"]\n",
            "tls_key = [\"a.key\", \"b.key\"]\n",
            "tls_client_auth = \"optional\"\n",
            "tls_client_ca = \"ca.pem\"\n",
        ];
        let rest: String = keys
            .into_iter()
            .filter(|line| !line.starts_with(key.name))
            .collect();
        let rest = format!("trusted_proxies = [\"::1\"]\n[[listener]]\n{rest}");
        let text = format!("{rest}{} = {literal}\n", key.name);
        let by_file = read(&text, &[], &[]).unwrap();
        assert_eq!(key.field.show(&by_file.listeners[0]), literal);
        let again = read(&by_file.print(), &[], &[]).unwrap();
        assert_eq!(again.listeners, by_file.listeners);

        let name = variable(&format!("listener.0.{}", key.name));
        let by_env = read(&rest, &[(&name, &sample)], &[]).unwrap();
        assert_eq!(by_env.listeners, by_file.listeners);
        assert!(by_env.print().contains(&format!(" # {name}\n")));
    }
}

#[test]
fn a_flag_overrides_a_variable_which_overrides_the_file() {
    let text = "[limits]\nmessage = \"2KiB\"";
    let env = [("CORECAST_LIMITS_MESSAGE", "3KiB")];
    let flag = [("--max-message", "4096")];
    let message = |settings: Settings| settings.config.message_bytes_max;
    assert_eq!(message(read(text, &[], &[]).unwrap()), 2 << 10);
    assert_eq!(message(read(text, &env, &[]).unwrap()), 3 << 10);
    assert_eq!(message(read(text, &env, &flag).unwrap()), 4 << 10);
    assert_eq!(message(read("", &[], &flag).unwrap()), 4 << 10);
}

#[test]
fn variables_and_flags_change_and_add_listeners() {
    let addresses = |settings: &Settings| {
        let of = |listen: &Listen| (listen.protocol, listen.address.to_string());
        settings.listeners.iter().map(of).collect::<Vec<_>>()
    };
    let http = |address: &str| (Protocol::Http, address.to_owned());
    let tcp = |address: &str| (Protocol::LengthPrefix, address.to_owned());
    let env = [
        ("CORECAST_LISTENER_0_ADDRESS", "0.0.0.0:80"),
        ("CORECAST_LISTENER_2_ADDRESS", "0.0.0.0:81"),
        ("CORECAST_LISTENER_2_PROTOCOL", "http"),
    ];
    let by_env = read("", &env, &[]).unwrap();
    let expected = [
        http("0.0.0.0:80"),
        tcp("127.0.0.1:9000"),
        http("0.0.0.0:81"),
    ];
    assert_eq!(addresses(&by_env), expected);
    assert_eq!(
        addresses(&read(&by_env.print(), &[], &[]).unwrap()),
        expected
    );

    let text = "[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:1\"\n";
    let flags = [
        ("--http", "127.0.0.1:2"),
        ("--tcp", "127.0.0.1:3"),
        ("--tcp-topic", "t"),
        ("--tcp-role", "publish"),
    ];
    let by_flags = read(text, &[], &flags).unwrap();
    assert_eq!(
        addresses(&by_flags),
        [http("127.0.0.1:2"), tcp("127.0.0.1:3")]
    );
    assert_eq!(by_flags.listeners[1].topic, "t");
    assert_eq!(by_flags.listeners[1].role, Role::Publish);
    let left = load("", &[("CORECAST_LISTENER_3_ADDRESS", "0.0.0.0:80")], &[]);
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(
        left[0].contains("continue from CORECAST_LISTENER_2_"),
        "{left:?}"
    );
}

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
         \"length-prefix\", \"line\" or \"varint\"",
        "c.toml:15: listener.0.adress: unknown key; did you mean address?",
        "c.toml:16: listener.1.protocol: is missing; must be \"http\", \"length-prefix\", \
         \"line\" or \"varint\"",
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
    for part in ["backlog", "replies", "assembly"] {
        let text = format!("[limits]\nmemory = \"1GiB\"\n{part} = \"2GiB\"");
        let expected =
            format!("c.toml:3: limits.{part}: 2GiB is more than limits.memory, 1GiB; must");
        let problems = load(&text, &[], &[]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&expected), "{problems:?}");
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

#[test]
fn errors_of_variables_and_flags_name_them() {
    let env = [
        ("CORECAST_SHARDS", "300"),
        ("CORECAST_SHARD", "3"),
        ("CORECAST_LIMITS_COLOUR", "3"),
        ("CORECAST_LISTENER_0_COLOUR", "3"),
        ("CORECAST_LISTENER_0_ADDRESS", "nowhere"),
    ];
    let problems = load("", &env, &[("--max-message", "0"), ("--http", "localhost")]);
    for expected in [
        "CORECAST_SHARDS: shards: cannot be \"300\"; must be a number from 1 to 256 or \"auto\"",
        "CORECAST_SHARD: unknown variable; did you mean CORECAST_SHARDS?",
        "CORECAST_LIMITS_COLOUR: unknown variable; see",
        "CORECAST_LISTENER_0_COLOUR: listener.0.colour: unknown key; see",
        "CORECAST_LISTENER_0_ADDRESS: listener.0.address: cannot be \"nowhere\"; must be an IP",
        "--max-message: limits.message: cannot be \"0\"; must be a size",
        "--http: listener.0.address: cannot be \"localhost\"; must be an IP address",
    ] {
        let count = problems
            .iter()
            .filter(|problem| problem.starts_with(expected))
            .count();
        assert_eq!(count, 1, "{expected}: {problems:#?}");
    }
    assert_eq!(problems.len(), 7, "{problems:#?}");
}

#[test]
fn variables_of_orchestrators_are_ignored() {
    let env = [
        ("CORECAST_CONFIG", "c.toml"),
        ("CORECAST_SERVICE_HOST", "10.0.0.1"),
        ("CORECAST_PORT", "tcp://10.0.0.1:80"),
        ("CORECAST_ADMIN_PORT_9100_TCP", "tcp://10.0.0.1:9100"),
        ("CORECAST_ADMIN_PORT_9100_TCP_ADDR", "10.0.0.1"),
        ("CORECAST_ADMIN_PORT_9100_TCP_PORT", "9100"),
        ("CORECAST_ADMIN_PORT_9100_TCP_PROTO", "tcp"),
        ("CORECAST_ADMIN_SERVICE_PORT", "9100"),
        ("CORECAST_ADMIN_SERVICE_PORT_METRICS", "9100"),
        ("CORECAST_REQUIRE_TOOLS", "1"),
        ("PATH", "/bin"),
    ];
    assert_eq!(load("", &env, &[]), [""; 0]);
}

#[test]
fn a_variable_with_a_port_alone_is_an_error() {
    for name in ["CORECAST_PORT", "CORECAST_HTTP_PORT", "CORECAST_ADMIN_PORT"] {
        let problems = load("", &[(name, "8080")], &[]);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].starts_with(name), "{problems:#?}");
        assert!(problems[0].contains("unknown variable"), "{problems:#?}");
    }
}

#[test]
fn a_builder_gets_what_was_set() {
    let text = "shards = 3\nfd_tables = \"shared\"\n[limits]\nconnections = 5\n\
                [compression]\nlevel = 7\n";
    let settings = read(text, &[], &[]).unwrap();
    assert_eq!(settings.builder().capacity(), 5);
    let builder = format!("{:?}", settings.builder());
    for field in [
        "shards: 3",
        "own_tables: false",
        "pin: None",
        "127.0.0.1:9000",
        "compression: Some(Compression { level: 7, ",
    ] {
        assert!(builder.contains(field), "no {field}: {builder}");
    }
    let off = read("[compression]\nenabled = false\n", &[], &[]).unwrap();
    assert!(format!("{:?}", off.builder()).contains("compression: None"));
}

#[test]
fn a_key_of_the_api_is_one_word() {
    let key = |key: &str| load("", &[("CORECAST_API_KEY", key)], &[]);
    assert_eq!(key("a-key~1!"), [""; 0]);
    assert_eq!(key(""), [""; 0]);
    for wrong in ["two words", "näh", "line\n"] {
        let problems = key(wrong);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let expected = "CORECAST_API_KEY: api.key: contains a character that HTTP header";
        assert!(problems[0].starts_with(expected), "{problems:?}");
        assert!(!problems[0].contains(wrong), "{problems:?}");
    }
    let settings = read("", &[("CORECAST_API_KEY", "hunter2")], &[]).unwrap();
    assert!(!format!("{settings:?}{:?}", settings.relay()).contains("hunter2"));
}

#[test]
fn a_secret_is_never_shown() {
    static SECRET: Key<Listen> = Key {
        name: "name",
        field: Field::Text(|l| &mut l.name, 8..=64),
        flag: None,
        is_secret: true,
        is_required: false,
        doc: "A secret.",
    };
    let mut draft = Draft::default();
    for word in ["hunter2", "hunter2hunter2"] {
        let source = Source::Env("X".to_owned());
        draft.set_of_listener(0, &SECRET, &RawValue::Untyped(word), source);
    }
    let problems = format!("{:?}", draft.problems);
    assert!(
        problems.contains("cannot be this") && !problems.contains("hunter2"),
        "{problems}"
    );
    let mut text = String::new();
    write::line(&mut text, &SECRET, &draft.settings.listeners[0], "");
    assert_eq!(text, "# name = \"***\"\n");
    assert_eq!(draft.settings.listeners[0].name, "hunter2hunter2");
}

#[test]
fn the_table_of_keys_is_sorted_by_section_and_complete() {
    for (at, key) in KEYS.iter().enumerate() {
        let section = key.name.rsplit_once('.').map_or("", |(section, _)| section);
        assert!(
            SECTIONS.iter().any(|(known, _)| *known == section),
            "{}",
            key.name
        );
        assert!(
            KEYS[..at].iter().all(|other| other.name != key.name),
            "{}",
            key.name
        );
        assert!(key.doc.ends_with('.'), "{}", key.name);
    }
    for (flag, _, name) in LISTENER_FLAGS {
        assert!(LISTENER_KEYS.iter().any(|key| key.name == *name), "{flag}");
    }
}

#[test]
fn the_page_of_the_reference_is_up_to_date() {
    let page = include_str!("../../docs/CONFIG.md");
    assert!(
        page == reference(),
        "run: cargo run -- config doc > docs/CONFIG.md"
    );
}
