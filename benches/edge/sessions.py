"""Idle sessions of the structured protocol: what each takes beside a raw WebSocket connection."""

import base64
import json
import os
import socket
import struct
import tempfile

import bench
from auth import HS256, TOKEN_BYTES, Guarded
from closed import rounds
from servers import Failed, Server

RAW = "WebSocket, /sub/{topic}"
# A session's subscriptions by row: the slope between the two is that of one.
ONE, MANY = 1, 21
ROWS = {RAW: 0, "session, one subscription": ONE, f"session, {MANY} subscriptions": MANY}
TOPICS = ["history_size = 10", "force_recovery = true"]
ANSWER_S = 10

COLUMNS = [
    bench.Column("memory per idle connection, B", "memory", 0),
    bench.Column("for each further subscription, B", "further", 1),
]


def sessions(options, cpus):
    """Connections that do nothing, each with a user and a token of its own."""
    connections = options.connections
    of_one = []
    with tempfile.TemporaryDirectory() as folder:
        guarded = Guarded(options, folder, HS256, tokens=connections, length=TOKEN_BYTES,
                          topics=TOPICS)
        tokens = guarded.tokens.read_text(encoding="utf-8").split()

        def run(name):
            try:
                with Server(guarded.command, cpus, options.memory * 2**30, guarded.needs) as server:
                    slope = slope_of(server, tokens, ROWS[name])
            except (Failed, OSError) as failed:
                return {}, [str(failed)]
            if ROWS[name] == ONE:
                of_one.append(slope)
            further = (slope - of_one[-1]) / (MANY - ONE) if ROWS[name] == MANY and of_one else None
            return {"memory": slope, "further": further}, []

        found = rounds(options, list(ROWS), run)
    title = (f"Sessions: {connections:,} idle connections, each with a user and a token of "
             f"{TOKEN_BYTES} B, one shard")
    return bench.markdown(title, COLUMNS, list(ROWS), found)


def slope_of(server, tokens, subscriptions):
    """How much the server grows with each of the last four fifths of the connections."""
    first = len(tokens) // 5
    connections, sizes = [], []
    try:
        for part in (tokens[:first], tokens[first:]):
            connections += [opened(server.address, token, subscriptions) for token in part]
            sizes.append(pss(server))
    finally:
        for connection in connections:
            connection.close()
    return (sizes[1] - sizes[0]) / (len(tokens) - first)


def opened(address, token, subscriptions):
    """A connection that is live."""
    host, port = address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=ANSWER_S)
    key = base64.b64encode(os.urandom(16)).decode()
    path = "/connection/websocket" if subscriptions else "/sub/t0"
    lines = [f"GET {path} HTTP/1.1", f"Host: {address}", "Connection: Upgrade",
             "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    if not subscriptions:
        lines += [f"Authorization: Bearer {token}"]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    said = until(connection, b"", lambda said: b"\r\n\r\n" in said)
    if not said.startswith(b"HTTP/1.1 101 "):
        raise Failed(said.split(b"\r\n", 1)[0].decode())
    if subscriptions:
        commands = [{"id": 1, "connect": {"token": token}}]
        commands += [{"id": number + 2, "subscribe": {"channel": f"t{number}"}}
                     for number in range(subscriptions)]
        connection.sendall(frame("\n".join(json.dumps(command) for command in commands)))
        told = said.split(b"\r\n\r\n", 1)[1]
        answers = subscriptions + 1
        told = until(connection, told, lambda told: answers <= told.count(b'{"id":'))
        if told.count(b'"recoverable":true') != subscriptions:
            raise Failed(told.decode(errors="replace"))
    return connection


def frame(text):
    """A message of a client, RFC 6455 section 5.2; a mask of zeros changes nothing."""
    payload = text.encode()
    return struct.pack("!BBH4x", 0x81, 0xFE, len(payload)) + payload


def until(connection, said, is_all):
    while not is_all(said):
        more = connection.recv(1 << 16)
        if not more:
            raise Failed("the server has closed a connection")
        said += more
    return said


def pss(server):
    """Memory of the server, with its part of what it shares; proc_pid_smaps(5)."""
    with open(f"/proc/{server.pid}/smaps_rollup", encoding="ascii") as file:
        lines = [line.split() for line in file if line.startswith("Pss:")]
    return int(lines[0][1]) * 1024
