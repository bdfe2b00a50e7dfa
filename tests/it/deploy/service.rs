//! The program under a service manager: what it tells it, and the units that come with it.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::config::File;
use crate::deploy::manager::{LIVES, Manager};
use crate::support::program::Program;
use crate::support::tools::{text, tool};
use crate::support::ws::Ws;

const KEYS: &str = "shards = 2\npin = false\n[timeouts]\ndrain = \"7s\"\n\
                    [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n";

#[test]
fn a_service_manager_is_told_of_the_start_of_reloads_of_life_and_of_the_stop() {
    let manager = Manager::new("told");
    let file = File::new("told", KEYS);
    let mut command = Command::new(env!("CARGO_BIN_EXE_corecast"));
    command.args(["serve", "--config", file.path()]);
    command.env("NOTIFY_SOCKET", &manager.path);
    command.env("WATCHDOG_USEC", "30000");
    let mut program = Program::spawn(command);
    assert_eq!(manager.next(), "READY=1\nSTATUS=serving");
    for keys in [KEYS, "nonsense"] {
        fs::write(file.path(), keys).unwrap();
        program.signal(Signal::HUP);
        let told = manager.next();
        let micros = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        assert!(
            micros.is_some_and(|micros| micros.parse::<u64>().is_ok()),
            "{told}"
        );
        assert_eq!(manager.next(), "READY=1\nSTATUS=serving");
    }
    while manager.next_of_all() != LIVES {}
    program.signal(Signal::TERM);
    let told = manager.next();
    assert_eq!(
        told,
        "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=12000000"
    );
    program.wait_for("draining");
    assert_eq!(program.wait().0.code(), Some(0));
}

/// Where the units are.
fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy")
}

#[test]
fn the_units_are_valid_and_leave_the_program_little_to_do_harm_with() {
    let Some(mut analyze) = tool("systemd-analyze") else {
        return;
    };
    // Units name where the program is when it is installed.
    let folder = env::temp_dir().join(format!("corecast-{}-units", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let unit = |name: &str| {
        let text = fs::read_to_string(units().join(name)).unwrap();
        let text = text.replace("/usr/bin/corecast", env!("CARGO_BIN_EXE_corecast"));
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let paths = [unit("corecast.service"), unit("corecast.socket")];
    let verify = analyze.args(["verify", "--man=no"]).args(&paths).output();
    let verify = verify.unwrap();
    assert!(
        verify.status.success() && text(&verify).is_empty(),
        "{}",
        text(&verify)
    );
    let mut security = Command::new("systemd-analyze");
    // Of 100, as `systemd-analyze security` has them in tenths.
    security.args(["security", "--offline=yes", "--threshold=20"]);
    let security = security.arg(&paths[0]).output().unwrap();
    assert!(security.status.success(), "{}", text(&security));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_port_that_systemd_opened_is_served() {
    if tool("systemd-socket-activate").is_none() {
        return;
    }
    let file = File::new(
        "activated",
        "shards = 2\npin = false\n[[listener]]\nprotocol = \"http\"\naddress = \"systemd:http\"\n\
         [auth]\ninsecure = true\n",
    );
    // An address that no other process uses, and a port that is free there.
    let [high, low] = std::process::id().to_be_bytes()[2..] else {
        unreachable!("two of four bytes");
    };
    let free = TcpListener::bind((Ipv4Addr::new(127, 77, high, low), 0)).unwrap();
    let http = free.local_addr().unwrap();
    drop(free);
    let mut command = Command::new("systemd-socket-activate");
    command.args(["--fdname=http", "--listen", &http.to_string()]);
    command.args([
        env!("CARGO_BIN_EXE_corecast"),
        "serve",
        "--config",
        file.path(),
    ]);
    let mut program = Program::spawn(command);
    program.wait_for("Listening on");
    // It is started by the first connection, and gets it.
    let mut ws = Ws::connect(http, "/ws/a");
    ws.send_text("there");
    assert_eq!(ws.next_text(), "there");
    program.signal(Signal::TERM);
    assert_eq!(ws.expect_close().0, 1001);
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn what_the_package_takes_is_there_or_made_by_its_script() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let script = fs::read_to_string(units().join("package")).unwrap();
    let (_, assets) = manifest.split_once("\nassets = [\n").unwrap();
    let (assets, _) = assets.split_once("\n]\n").unwrap();
    for asset in assets.lines() {
        let source = asset.split('"').nth(1).unwrap();
        let (folder, name) = source.rsplit_once('/').unwrap();
        match folder.strip_prefix("target/package") {
            // It is `$out` in the script.
            Some("") => assert!(script.contains(&format!("\"$out/{name}\"")), "{source}"),
            Some(folder) => assert!(script.contains(&format!("\"$out{folder}\"")), "{source}"),
            None if name == "*" => assert!(root.join(folder).is_dir(), "{source}"),
            None => assert!(root.join(source).is_file(), "{source}"),
        }
    }
    assert!(manifest.contains("unit-scripts = \"docs/deploy\""));
}
