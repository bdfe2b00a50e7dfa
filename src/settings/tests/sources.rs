//! The file, variables and flags: which overrides which.

use crate::proto::Role;
use crate::settings::tests::{load, read};
use crate::settings::{Listen, Protocol, Settings};

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
        ("CORECAST_AUTH_INSECURE", "true"),
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
