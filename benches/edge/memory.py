#!/usr/bin/env python3
"""A server in a control group of 300 MiB, while clients make it hold as much as they can.

    cargo build --locked --release
    benches/edge/memory.py                # as root: the group must be made

All attacks go on at once: replies that are not read (bombs to /echo, pages, pongs, answers of the
publish API), messages that come in part and no further, large and small, bodies with the key and
without it, and subscribers that do not read what is published. Meanwhile an honest client from
another address sends echoes and long messages. Prints what the group had at most, what the gauges
tell, and what the honest client saw; exit status 0 if the server lives and the honest client was
served, 1 if not, 77 if no group can be made here.
"""

import argparse
import os
import pathlib
import random
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY = "k"


class Group:
    """A control group with a limit of memory, of version 2 or 1."""

    def __init__(self, limit):
        self.path = None
        for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
            place, kind = line.split(" - ")
            point, words = place.split()[4], kind.split()
            is_one = words[0] == "cgroup" and "memory" in words[2].split(",")
            if not is_one and words[0] != "cgroup2":
                continue
            path = pathlib.Path(point) / f"corecast-{os.getpid()}"
            try:
                if not is_one:
                    (path.parent / "cgroup.subtree_control").write_text("+memory")
                path.mkdir()
            except OSError:
                continue
            self.path, self.is_one = path, is_one
            try:
                self.write("memory.limit_in_bytes" if is_one else "memory.max", limit)
                return
            except OSError:
                self.remove()
        raise SystemExit(77)

    def write(self, name, value):
        (self.path / name).write_text(str(value))

    def peak(self):
        """What it had at most, in MiB; of pages of files as well as of the server."""
        name = "memory.max_usage_in_bytes" if self.is_one else "memory.peak"
        return int((self.path / name).read_text()) / (1 << 20)

    def remove(self):
        for _ in range(50):
            try:
                return self.path.rmdir()
            except OSError:
                time.sleep(0.1)


class Server:
    def __init__(self, program, group, shards):
        self.ports = [free_port() for _ in range(3)]
        http, tcp, admin = self.ports
        config = tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False)
        config.write(f'shards = {shards}\n[admin]\naddress = "127.0.0.1:{admin}"\n'
                     f'[[listener]]\nprotocol = "http"\naddress = "127.0.0.1:{http}"\n'
                     f'[[listener]]\nprotocol = "length-prefix"\naddress = "127.0.0.1:{tcp}"\n')
        config.close()
        enter = f'echo $$ > "{group.path}/cgroup.procs" && exec "$@"'
        command = ["sh", "-c", enter, "sh", str(program), "serve", "--config", config.name]
        env = {**os.environ, "CORECAST_API_KEY": KEY, "RUST_LOG": os.environ.get("RUST_LOG", "warn")}
        self.process = subprocess.Popen(command, env=env)
        self.http, self.tcp, self.admin = self.ports
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                return connect(self.admin, "127.0.0.1").close()
            except OSError:
                time.sleep(0.05)

    def lives(self):
        return self.process.poll() is None

    def metrics(self):
        with connect(self.admin, "127.0.0.1") as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            text = b""
            while data := sock.recv(1 << 16):
                text += data
        lines = text.split(b"\r\n\r\n", 1)[1].decode().splitlines()
        found = {}
        for line in lines:
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024
                for name in ("VmRSS", "VmHWM")}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def connect(port, source, rcvbuf=None):
    sock = socket.socket()
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.bind((source, 0))
    sock.settimeout(10)
    sock.connect(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def websocket(port, source, path, deflate=False, rcvbuf=None):
    sock = connect(port, source, rcvbuf)
    extension = "permessage-deflate; client_no_context_takeover"
    offer = f"Sec-WebSocket-Extensions: {extension}\r\n" if deflate else ""
    sock.sendall((f"GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{offer}\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        data = sock.recv(1)
        if not data:
            raise EOFError(head)
        head += data
    if not head.startswith(b"HTTP/1.1 101"):
        raise EOFError(head)
    return sock


def frame(payload, opcode=2, compressed=False):
    first, size = 0x80 | (0x40 if compressed else 0) | opcode, len(payload)
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 1 << 16:
        head = bytes([first, 0x80 | 126]) + struct.pack(">H", size)
    else:
        head = bytes([first, 0x80 | 127]) + struct.pack(">Q", size)
    return head + bytes(4) + payload


def read_frame(sock):
    """The payload of the next frame with data; pings are answered."""
    while True:
        first, size = exact(sock, 2)
        if size == 126:
            size = struct.unpack(">H", exact(sock, 2))[0]
        elif size == 127:
            size = struct.unpack(">Q", exact(sock, 8))[0]
        payload = exact(sock, size)
        if first & 15 == 9:
            sock.sendall(frame(payload, 10))
        elif first & 15 == 8:
            raise EOFError(payload)
        else:
            return payload


def exact(sock, size):
    parts = bytearray()
    while len(parts) < size:
        data = sock.recv(size - len(parts))
        if not data:
            raise EOFError("the end")
        parts += data
    return bytes(parts)


class Attack(threading.Thread):
    """Opens connections that each do one thing and read nothing; those that are closed come
    again."""

    def __init__(self, name, count, opens, per_second=300):
        super().__init__(daemon=True)
        self.name, self.count, self.opens, self.pause = name, count, opens, 1 / per_second
        self.held, self.opened, self.over = [], 0, False

    def run(self):
        while not self.over:
            if len(self.held) >= self.count:
                self.held = [sock for sock in self.held if not is_over(sock)]
                time.sleep(0.2)
                continue
            try:
                sock = self.opens()
            except (OSError, EOFError):
                time.sleep(0.05)
                continue
            self.opened += 1
            self.held.append(sock)
            time.sleep(self.pause)


def is_over(sock):
    """Whether the server has closed it, whatever came before that and was not read."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))


def push(sock, data, seconds=0.5):
    """Sends what is taken within a while."""
    sock.settimeout(seconds)
    try:
        sock.sendall(data)
    except (TimeoutError, BlockingIOError):
        pass
    return sock


def attacks(server, scale):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    bomb = frame(packed[:-4], compressed=True) * 3
    part = frame(bytes(1 << 20))[:1_000_000]
    small = frame(bytes(1 << 20))[:1_024]
    page = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 400
    pings = frame(bytes(125), 9) * 2_000
    names = b",".join([b'"a"'] * 3_000)
    body = b'{"channels":[%s],"data":1}' % names

    def post(fields, length):
        return b"POST /api/broadcast HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n" % (
            fields, length)

    key = b"X-API-Key: %s\r\n" % KEY.encode()
    answers = (post(key, len(body)) + body) * 5
    half = post(key, 1_500_000) + bytes(1_400_000)
    keyless = post(b"", 1_500_000) + bytes(1_400_000)
    message = frame(bytes(64 << 10))
    tcp_part = struct.pack(">I", 1 << 20) + bytes(500_000)
    bad = "127.0.0.2"

    def many():
        """One of many addresses."""
        return f"127.1.{random.randrange(256)}.{random.randrange(1, 255)}"

    def ws(path, data, source=None, **how):
        return lambda: push(websocket(server.http, source or many(), path, **how), data)

    def http(data):
        return lambda: push(connect(server.http, bad, 2048), data)

    def publisher():
        sock = websocket(server.http, bad, "/pub/flood")
        return push(sock, message * 200, 2)

    count = lambda most: max(2, int(most * scale))
    return [
        Attack("bombs to /echo", count(1000), ws("/echo", bomb, bad, deflate=True, rcvbuf=2048)),
        Attack("bombs from many addresses", count(300), ws("/echo", bomb, deflate=True,
                                                           rcvbuf=2048)),
        Attack("unfinished, large", count(500), ws("/pub/x", part, bad)),
        Attack("unfinished, small, many addresses", count(2000), ws("/pub/x", small)),
        Attack("unfinished over TCP", count(300), lambda: push(connect(server.tcp, bad), tcp_part)),
        Attack("pages unread", count(500), http(page)),
        Attack("pongs unread", count(300), ws("/pub/x", pings, bad, rcvbuf=2048)),
        Attack("API answers unread", count(200), http(answers)),
        Attack("bodies with the key", count(200), http(half)),
        Attack("bodies without the key", count(200), http(keyless)),
        Attack("subscribers that do not read", count(300),
               ws("/sub/flood", b"", bad, rcvbuf=2048)),
        Attack("publishers", 4, publisher, 5),
    ]


class Honest(threading.Thread):
    """Echoes of 1 KiB, and now and then a message of 700 KB in pieces, from an address of its
    own."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.over = server, False
        self.echoes, self.long, self.lost = [], [], 0

    def run(self):
        sock = None
        at = 0
        while not self.over:
            try:
                sock = sock or websocket(self.server.http, "127.0.0.9", "/echo")
                at += 1
                is_long = at % 20 == 0
                data = bytes(700_000 if is_long else 1_024)
                begun = time.monotonic()
                whole = frame(data)
                for piece in range(0, len(whole), 100_000):
                    sock.sendall(whole[piece:piece + 100_000])
                    if is_long:
                        time.sleep(0.02)
                if read_frame(sock) != data:
                    raise EOFError("not what was sent")
                (self.long if is_long else self.echoes).append(time.monotonic() - begun)
                time.sleep(0.02)
            except (OSError, EOFError) as error:
                print("the honest client:", repr(error)[:200], file=sys.stderr)
                self.lost += 1
                sock = None
                time.sleep(0.05)


def millis(times, at):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * at))] * 1000 if times else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corecast", type=pathlib.Path, default=ROOT / "target/release/corecast")
    parser.add_argument("--seconds", type=int, default=45)
    parser.add_argument("--mib", type=int, default=300, help="of the group")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1, help="of the numbers of connections")
    options = parser.parse_args()
    try:
        group = Group(options.mib << 20)
    except SystemExit:
        print("skipped: no control group can be made here", file=sys.stderr)
        sys.exit(77)
    server = Server(options.corecast, group, options.shards)
    try:
        sys.exit(run(server, group, options))
    finally:
        server.process.kill()
        server.process.wait()
        group.remove()


def run(server, group, options):
    honest, all_attacks = Honest(server), attacks(server, options.scale)
    for thread in [honest, *all_attacks]:
        thread.start()
    most, found, rss = {}, {}, {"VmHWM": 0}
    until = time.monotonic() + options.seconds
    while time.monotonic() < until and server.lives():
        time.sleep(0.5)
        try:
            found, rss = server.metrics(), server.rss()
        except (OSError, IndexError):
            continue
        for kind in ("backlog", "replies", "assembly", "waiting", "tls"):
            name = f"corecast_{kind}_bytes{{"
            now = sum(value for key, value in found.items() if key.startswith(name))
            most[kind] = max(most.get(kind, 0), now / (1 << 20))
    for thread in [honest, *all_attacks]:
        thread.over = True
    honest.join(15)
    print("| attack | connections opened | held at the end |\n|---|---|---|")
    for attack in all_attacks:
        print(f"| {attack.name} | {attack.opened} | {len(attack.held)} |")
    print("\n| | at most |\n|---|---|")
    for kind, mib in most.items():
        print(f"| {kind} | {mib:.1f} MiB |")
    print(f"| the process (VmHWM) | {rss['VmHWM']:.0f} MiB |")
    print(f"| the group, with its pages of files | {group.peak():.0f} of {options.mib} MiB |\n")
    for name, times in (("echo of 1 KiB", honest.echoes), ("message of 700 KB", honest.long)):
        print(f"{name}: {len(times)}, p50 {millis(times, 0.5):.1f} ms, "
              f"p99 {millis(times, 0.99):.1f} ms")
    print(f"connections of the honest client that were lost: {honest.lost}")
    for key, value in found.items():
        if value and ("limit_hits" in key or "corecast_closes" in key):
            print(f"{key} {value:.0f}")
    if not server.lives():
        print(f"the server has died: {server.process.returncode}")
        return 1
    served = honest.echoes and honest.long and honest.lost == 0
    return 0 if served else 1


if __name__ == "__main__":
    main()
