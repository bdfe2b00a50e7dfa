//! What the program says where it cannot start: what is wrong, under which key, and what to do.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;

use crate::config::{File, config, text};
use crate::support::program::Program;
use crate::support::tls::Authority;
use crate::support::tools::tool;

/// Its code and what it says until it ends, in one text.
fn refused(args: &[&str]) -> String {
    let (status, log) = Program::run(args).wait();
    assert_eq!(status.code(), Some(2), "{log}");
    log
}

fn says(log: &str, parts: &[&str]) {
    for part in parts {
        assert!(log.contains(part), "{part:?} is not in {log:?}");
    }
}

/// A listener that is in the way, and where.
fn taken() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

#[test]
fn a_port_in_use_is_reported_with_its_key_and_a_remedy() {
    let (_listener, addr) = taken();
    let port = addr.port();
    let remedy = format!(
        "; another program has the port: stop it, or take another one \
                          (`ss -ltnp 'sport = :{port}'`"
    );
    let addr = addr.to_string();
    let what = format!("cannot listen on {addr}: Address already in use");
    let log = refused(&["--http", &addr, "--tcp", "127.0.0.1:0"]);
    says(&log, &["--http: listener.0.address: ", &what, &remedy]);
    let log = refused(&["--tcp", &addr, "--http", "127.0.0.1:0"]);
    says(&log, &["--tcp: listener.1.address: ", &what, &remedy]);
    let admin = format!("--admin: admin.address: cannot listen on {addr} (admin): Address");
    let log = refused(&[
        "--admin",
        &addr,
        "--http",
        "127.0.0.1:0",
        "--tcp",
        "127.0.0.1:0",
    ]);
    says(&log, &[&admin, &remedy]);

    for balance in ["hash", "even"] {
        let file = File::new(
            &format!("taken-{balance}"),
            &format!(
                "[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
                 [[listener]]\nprotocol = \"line\"\naddress = \"{addr}\"\nbalance = \"{balance}\"\n"
            ),
        );
        let log = refused(&["--config", file.path()]);
        let key = format!("{}:6: listener.1.address: ", file.path());
        says(&log, &[&key, &what, &remedy]);
    }
}

#[test]
fn a_foreign_address_and_a_missing_directory_are_reported_with_a_remedy() {
    // RFC 5737: an address for documentation.
    let log = refused(&[
        "--http",
        "192.0.2.1:0",
        "--tcp",
        "127.0.0.1:0",
        "--insecure",
    ]);
    says(
        &log,
        &[
            "--http: listener.0.address: cannot listen on 192.0.2.1:0: ",
            "`ip address`",
        ],
    );
    let log = refused(&["--http", "unix:/no/such/place.sock", "--tcp", "127.0.0.1:0"]);
    says(
        &log,
        &[
            "--http: listener.0.address: cannot listen on unix:/no/such/place.sock: No such file",
            "; make its directory first",
        ],
    );
    let long = format!("unix:/{}", "x".repeat(107));
    let log = refused(&["--http", &long]);
    says(
        &log,
        &[
            "--http: listener.0.address: cannot be \"unix:/xxx",
            "at most 107 bytes",
        ],
    );
}

/// Skipped if every user may use low ports, or if the capability cannot be dropped.
#[test]
fn a_low_port_without_permission_names_the_capability() {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first: u16 = first.map_or(0, |first| first.trim().parse().unwrap());
    let drops = [
        "--bounding-set=-net_bind_service",
        "--inh-caps=-net_bind_service",
    ];
    let Some(mut setpriv) = tool("setpriv").filter(|_| 80 < first) else {
        return;
    };
    // A process that may not drop it from the bounding set does not have it either.
    let may_drop = setpriv.args(drops).arg("true").output();
    let mut command = Command::new("setpriv");
    if may_drop.is_ok_and(|output| output.status.success()) {
        command.args(drops);
    }
    command.arg(env!("CARGO_BIN_EXE_corecast"));
    command.args(["--http", "127.0.0.1:80", "--tcp", "127.0.0.1:0"]);
    let (status, log) = Program::spawn(command).wait();
    assert_eq!(status.code(), Some(2), "{log}");
    says(
        &log,
        &[
            "--http: listener.0.address: cannot listen on 127.0.0.1:80: ",
            "CAP_NET_BIND_SERVICE",
        ],
    );
}

#[test]
fn more_connections_than_any_number_of_shards_admits_are_reported_with_the_limit_to_raise() {
    let limited = |flags: &[&str], env: &[(&str, &str)]| {
        let (program, ..) = Program::serve_limited_by(1024, flags, env);
        program.logged("limits.connections: ").unwrap()
    };
    let told = limited(&["--shards", "2", "--max-connections", "1000000000"], &[]);
    says(
        &told,
        &[
            "1000000000 connections are set, but open-files: 1024 open files per shard allow only",
            "should be 5000",
        ],
    );
    assert!(!told.contains("--shards"), "{told}");
    let told = limited(&["--shards", "2", "--max-connections", "3000"], &[]);
    says(&told, &["use --shards "]);
    let shared = [("CORECAST_FD_TABLES", "shared")];
    let told = limited(&["--shards", "2", "--max-connections", "3000"], &shared);
    says(
        &told,
        &[
            "open files for all shards together allow only",
            "should be 3",
        ],
    );
    assert!(!told.contains("--shards"), "{told}");
}

#[test]
fn a_file_that_is_not_utf8_is_reported_with_the_line() {
    let file = File::new("bytes", "");
    fs::write(file.path(), b"shards = 1\n# caf\xe9\n").unwrap();
    let output = config(&["check", file.path()], &[]);
    assert_eq!(output.status.code(), Some(2));
    let expected = format!(
        "{}:2: is not UTF-8; save the file in that encoding\n",
        file.path()
    );
    assert_eq!(text(output.stderr), expected);
    let log = refused(&["--config", "/no/such/file"]);
    says(
        &log,
        &[
            "cannot read /no/such/file: No such file",
            "`corecast config default > /no/such/file`",
        ],
    );
}

/// A disk that is full, for instance: half a file must not pass for a whole one.
#[test]
fn an_incomplete_write_of_a_file_is_reported() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.args(["config", "default"]);
    command.stdout(fs::File::options().write(true).open("/dev/full").unwrap());
    let (status, log) = Program::spawn(command).wait();
    assert_eq!(status.code(), Some(2), "{log}");
    says(
        &log,
        &["cannot write to standard output: No space left on device"],
    );
}

#[test]
fn check_opens_the_tls_files_as_serve_does() {
    let authority = Authority::new("messages");
    authority.sign("host", "host", &["localhost"]);
    authority.sign("other", "other", &["localhost"]);
    fs::write(authority.path("bytes.pem"), b"\x30\x82\xff\xfe").unwrap();
    let path = |file: &str| authority.path(file).display().to_string();
    let listener = |chain: &str, key: &str, more: &str| {
        format!(
            "[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
             tls_chain = [{:?}]\ntls_key = [{:?}]\n{more}",
            path(chain),
            path(key)
        )
    };
    let authorities = format!(
        "tls_client_auth = \"required\"\ntls_client_ca = {:?}\n",
        path("none.pem")
    );
    let wrong = [
        listener("host.pem", "other.key", ""),
        listener("bytes.pem", "none.key", ""),
        listener("host.pem", "host.key", &authorities),
    ];
    let file = File::new("tls-files", &wrong.concat());
    let name = file.path();
    let expected = [
        format!(
            "{name}:5: listener.0.tls_key: {}: is not the key of the first certificate in {}; must",
            path("other.key"),
            path("host.pem")
        ),
        format!(
            "{name}:9: listener.1.tls_chain: {}: no certificate in it; must be PEM",
            path("bytes.pem")
        ),
        format!(
            "{name}:10: listener.1.tls_key: {}: No such file or directory (os error 2); must be",
            path("none.key")
        ),
        format!(
            "{name}:17: listener.2.tls_client_ca: {}: No such file or directory",
            path("none.pem")
        ),
    ];
    let check = config(&["check", name], &[]);
    assert_eq!(check.status.code(), Some(2), "{check:?}");
    for told in [text(check.stderr), refused(&["--config", name])] {
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{told}");
        for (line, expected) in lines.iter().zip(&expected) {
            assert!(line.starts_with(expected), "{line:?} is not {expected:?}");
        }
    }
    // The configuration may be printed on another host.
    let print = config(&["print", "--config", name], &[]);
    assert_eq!(print.status.code(), Some(0), "{print:?}");
    let right = File::new("tls-right", &listener("host.pem", "host.key", ""));
    let check = config(&["check", right.path()], &[]);
    assert_eq!(check.status.code(), Some(0), "{check:?}");
}
