"""Sessions of the structured protocol: what an idle one takes beside a raw WebSocket connection,
and what a delivery to one with many subscriptions does.
"""

import base64
import json
import os
import socket
import tempfile

import bench
import settings
from auth import HS256, TOKEN_BYTES, Guarded
from closed import rounds
from crowd import frame
from servers import Failed, Server

RAW = "WebSocket, /sub/{topic}"
# A session's subscriptions by row: the slope between the two is that of one.
ONE, MANY = 1, 21
ROWS = {RAW: 0, "session, one subscription": ONE, f"session, {MANY} subscriptions": MANY}
TOPICS = ["history_size = 10", "force_recovery = true"]
ANSWER_S = 10

# Subscriptions of the one that gets messages, each after the one before.
COUNTS = (1, 10, 100, 1_000, 10_000)
MESSAGES = 2_000
COMMANDS_PER_FRAME = 500

COLUMNS = [
    bench.Column("memory per idle connection, B", "memory", 0),
    bench.Column("for each further subscription, B", "further", 1),
]


WRITES = [bench.Column("server CPU per publish and delivery, us", "cpu", 0)]


def sessions(options, cpus):
    return "\n".join([idle(options, cpus), writes(options, cpus)])


def idle(options, cpus):
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


def writes(options, cpus):
    """Messages of one topic to a session with more and more subscriptions."""
    with tempfile.TemporaryDirectory() as folder:
        limits = [f"subscriptions = {max(COUNTS)}"]
        command, needs = settings.command(options.corecast, folder, limits=limits)

        def run(name):
            try:
                with Server(command, cpus, options.memory * 2**30, needs) as server:
                    return {"cpu": cost_of(server, int(name.replace(",", "")))}, []
            except (Failed, OSError) as failed:
                return {}, [str(failed)]

        names = [f"{count:,}" for count in COUNTS]
        found = rounds(options, names, run)
    title = f"Sessions: {MESSAGES:,} messages of one topic to one session, by its subscriptions"
    return bench.markdown(title, WRITES, names, found)


def cost_of(server, count):
    """What the server's CPU takes for a message, in microseconds."""
    reader = opened(server.address, "", count, is_recoverable=False)
    writer = opened(server.address, "", 1, is_recoverable=False)
    before = cpu_of(server)
    for number in range(MESSAGES):
        writer.sendall(frame(json.dumps({"id": number + 3, "publish": {"channel": "t0", "data": 1}})))
        until(writer, b"", lambda told: b'"publish"' in told)
        until(reader, b"", lambda told: b'"pub"' in told)
    took = cpu_of(server) - before
    reader.close()
    writer.close()
    return took * 1e6 / MESSAGES


def cpu_of(server):
    """Seconds of CPU that the server has used, proc_pid_stat(5)."""
    with open(f"/proc/{server.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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


def opened(address, token, subscriptions, is_recoverable=True):
    """A connection that is live; a raw one if it has no subscriptions of its own."""
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
        told = said.split(b"\r\n\r\n", 1)[1]
        for at in range(0, len(commands), COMMANDS_PER_FRAME):
            part = commands[at:at + COMMANDS_PER_FRAME]
            connection.sendall(frame("\n".join(json.dumps(command) for command in part)))
            answers = at + len(part)
            told = until(connection, told, lambda told: answers <= told.count(b'{"id":'))
        recoverable = subscriptions if is_recoverable else 0
        if told.count(b'"recoverable":true') != recoverable or b'"error"' in told:
            raise Failed(told.decode(errors="replace"))
    return connection


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
