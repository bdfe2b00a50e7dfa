"""Whether each server does what it is to do, before it is measured."""

import base64
import os
import socket
import struct
import sys

from servers import DEFERRED, FLOOR, SERVERS, Failed, Server

CONNECTIONS, PUBLISHERS, MESSAGES = 2_000, 4, 40
ECHO_CONNECTIONS, ECHO_MESSAGES = 200, 20
PATIENCE_S = 10
TEXT, BINARY = 1, 2


class Client:
    """A WebSocket, as far as two kinds of short messages need one."""

    def __init__(self, address, path):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode())
        self.stream = self.socket.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.stream.readline()
            if not line:
                raise Failed(f"{path}: no answer to the handshake")
            head += line
        if not head.startswith(b"HTTP/1.1 101"):
            raise Failed(f"{path}: {head.splitlines()[0]!r}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def send(self, opcode, payload):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.socket.sendall(struct.pack("BB", 0x80 | opcode, 0x80 | len(payload)) + mask + masked)

    def receive(self):
        first, length = self.stream.read(2)
        return first & 0x0F, self.stream.read(length)


def kinds_are_kept(address, scopes):
    """Text stays text and binary binary, wherever they go."""
    messages = [(TEXT, "grüße".encode()), (BINARY, b"\x00\xff"), (TEXT, b"")]
    for sends, receives in scopes:
        if sends == receives:
            with Client(address, sends) as both:
                exchange(both, both, messages, sends)
        else:
            with Client(address, receives) as receiver, Client(address, sends) as sender:
                exchange(sender, receiver, messages, sends)


def exchange(sender, receiver, messages, path):
    for sent in messages:
        sender.send(*sent)
        got = receiver.receive()
        if got != sent:
            raise Failed(f"{path}: {sent} became {got}")


def one_server(name, options, load, server_cpus):
    """Raises what is wrong with it."""
    is_floor = name in (FLOOR, DEFERRED)
    memory = options.memory * 2**30
    with Server(SERVERS[name]("fanout"), server_cpus, memory) as server:
        if not is_floor:
            kinds_are_kept(server.address, [("/echo", "/echo"), ("/ws/kinds", "/ws/kinds"),
                                            ("/pub/kinds", "/sub/kinds")])
        flags = ["fanout", "--url", f"ws://{server.address}/sub/{{topic}}", "-n", CONNECTIONS,
                 "-m", MESSAGES, "--publishers", PUBLISHERS]
        deliveries = load(flags, server, options.timeout)
        if not deliveries["passed"]:
            raise Failed(f"fanout: {deliveries['deliveries']}, {deliveries['opening']}")
    with Server(SERVERS[name]("echo"), server_cpus, memory) as server:
        flags = ["echo", "--url", f"ws://{server.address}/echo", "-n", ECHO_CONNECTIONS,
                 "-m", ECHO_MESSAGES]
        if not load(flags, server, options.timeout)["passed"]:
            raise Failed("echo: not all came back")


def all_servers(servers, options, load, server_cpus):
    """Checks each and says so; the exit code."""
    wrong = 0
    for name in servers:
        try:
            one_server(name, options, load, server_cpus)
            verdict = "all delivered, in one order"
            verdict += "" if name in (DEFERRED, FLOOR) else "; text and binary kept"
        except (Failed, OSError, ValueError) as error:
            wrong += 1
            verdict = f"FAILED: {error}"
        print(f"{name:<18} {verdict}", flush=True)
    return 1 if wrong else 0
