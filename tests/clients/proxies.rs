//! Proxies in front of the server, as the documentation configures them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use corecast::{Kind, Relay, RelaySettings};

use crate::served::KEY;
use crate::support::http::{ask, read_answer, read_head};
use crate::support::server::{Running, builder};
use crate::support::socket::dial;
use crate::support::wait::wait_until;
use crate::tools::{has, is_missing};

/// A proxy that runs; ended when dropped.
struct Proxy {
    child: Child,
    addr: SocketAddr,
    folder: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// The configuration of the documentation in this language, for these ports.
fn documented(language: &str, from: &str, to: &str, server: SocketAddr) -> String {
    let page = include_str!("../../docs/PROXIES.md");
    let (_, block) = page
        .split_once(&format!("```{language}\n"))
        .expect("is there");
    let (block, _) = block.split_once("```").unwrap();
    assert!(block.contains(from) && block.contains("127.0.0.1:8080"));
    let block = block.replace("127.0.0.1:8080", &server.to_string());
    block.replacen(from, to, 1)
}

/// A port that is free now.
fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn start() -> Running {
    let relay = Relay::new(RelaySettings::default().with_api_key(KEY));
    Running::with(builder(2), move |_| relay.clone())
}

/// Starts a proxy whose configuration `write` makes; `command` is given its file and its folder.
fn proxy(
    name: &str,
    write: impl Fn(SocketAddr, &str) -> String,
    command: impl Fn(&str, &str) -> Command,
) -> Proxy {
    let folder = format!("corecast-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("config");
    let addr = free();
    let path = folder.to_str().unwrap();
    fs::write(&file, write(addr, path)).unwrap();
    let mut command = command(file.to_str().unwrap(), path);
    let child = command.stdin(Stdio::null()).stderr(Stdio::null());
    let child = child.stdout(Stdio::null()).spawn().unwrap();
    let proxy = Proxy {
        child,
        addr,
        folder,
    };
    wait_until("the proxy listens", || TcpStream::connect(addr).is_ok());
    proxy
}

fn nginx(server: &Running, lines: impl Fn(&str) -> String) -> Proxy {
    let write = |addr: SocketAddr, folder: &str| {
        let to = format!("listen {addr};");
        let block = lines(&documented("nginx", "listen 80;", &to, server.http()));
        format!(
            "pid {folder}/pid; error_log {folder}/log; daemon off; master_process off;\n\
             events {{ }}\n\
             http {{\naccess_log off; client_body_temp_path {folder}/body;\n\
             proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;\n\
             uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n{block}}}\n"
        )
    };
    proxy("nginx", write, |file, folder| {
        let mut command = Command::new("nginx");
        command.args(["-c", file, "-p", folder]);
        command
    })
}

fn haproxy(server: &Running) -> Proxy {
    let write = |addr: SocketAddr, _: &str| {
        documented(
            "haproxy",
            "bind :80",
            &format!("bind {addr}"),
            server.http(),
        )
    };
    proxy("haproxy", write, |file, _| {
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f", file]);
        command
    })
}

fn caddy(server: &Running) -> Proxy {
    let write = |addr: SocketAddr, _: &str| {
        let to = format!("http://:{} {{", addr.port());
        let block = documented("caddy", ":80 {", &to, server.http());
        format!("{{\nadmin off\n}}\n{block}")
    };
    proxy("caddy", write, |file, folder| {
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config", file]);
        command
            .env("XDG_DATA_HOME", folder)
            .env("XDG_CONFIG_HOME", folder);
        command
    })
}

fn upgrade(addr: SocketAddr, host: &str, origin: &str) -> String {
    format!(
        "GET /ws/news HTTP/1.1\r\nHost: {host}:{}\r\nOrigin: http://{origin}:{}\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        addr.port(),
        addr.port()
    )
}

/// What pages, streams and publishers expect, they get.
fn check(server: &Running, proxy: &Proxy) {
    let addr = proxy.addr;
    wait_until("the server is found", || {
        ask(
            addr,
            "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .status
            == 200
    });
    let mut page = dial(addr);
    page.write_all(upgrade(addr, "app.example.com", "app.example.com").as_bytes())
        .unwrap();
    assert_eq!(read_head(&mut page).status, 101, "a page of its own");
    let mut stranger = dial(addr);
    stranger
        .write_all(upgrade(addr, "app.example.com", "evil.example").as_bytes())
        .unwrap();
    assert_eq!(read_answer(&mut stranger).status, 403);

    let mut events = dial(addr);
    events
        .write_all(b"GET /sse/news HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        .unwrap();
    let head = read_head(&mut events);
    assert_eq!(head.status, 200);
    assert_eq!(head.field("content-encoding"), None);
    server.publish("news", Kind::Text, b"one");
    let mut got = Vec::new();
    let mut byte = [0];
    // At once: nothing more is published before it was read.
    while !got.ends_with(b"data: one\n\n") {
        events.read_exact(&mut byte).unwrap();
        got.push(byte[0]);
    }
    let mut message = [0; 5];
    page.read_exact(&mut message).unwrap();
    assert_eq!(&message, b"\x81\x03one");

    let body = r#"{"channel":"news","data":2}"#;
    let answer = ask(
        addr,
        format!(
            "POST /api/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut message = [0; 3];
    page.read_exact(&mut message).unwrap();
    assert_eq!(&message, b"\x81\x012");
    // A client's message: masked with zeros.
    page.write_all(b"\x81\x83\0\0\0\0abc").unwrap();
    let mut message = [0; 5];
    page.read_exact(&mut message).unwrap();
    assert_eq!(&message, b"\x81\x03abc");
}

#[test]
fn nginx_passes_everything_on() {
    if is_missing("nginx", has("nginx")) {
        return;
    }
    let server = start();
    check(&server, &nginx(&server, str::to_owned));
}

#[test]
fn a_page_behind_an_nginx_that_changes_the_host_gets_the_reason() {
    if is_missing("nginx", has("nginx")) {
        return;
    }
    let server = start();
    let proxy = nginx(&server, |block| {
        block.replace("proxy_set_header Host $http_host;", "")
    });
    let addr = proxy.addr;
    let mut page = dial(addr);
    page.write_all(upgrade(addr, "app.example.com", "app.example.com").as_bytes())
        .unwrap();
    let answer = read_answer(&mut page);
    assert_eq!(answer.status, 403);
    let host = format!("\"{}\"", server.http());
    for words in ["http://app.example.com", "http.origins", &host] {
        assert!(answer.body.contains(words), "{words}: {answer:?}");
    }
}

#[test]
fn haproxy_passes_everything_on() {
    if is_missing("haproxy", has("haproxy")) {
        return;
    }
    let server = start();
    check(&server, &haproxy(&server));
}

#[test]
fn caddy_passes_everything_on() {
    if is_missing("caddy", has("caddy")) {
        return;
    }
    let server = start();
    check(&server, &caddy(&server));
}
