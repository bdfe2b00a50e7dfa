"""Compression and TLS: what they cost for each delivery, each message after the one before."""

import sys
import tempfile

import bench
import settings
from servers import FREE_PORT, JS, Failed, Server

PLAIN, SAME = "1 KiB, plain", "as many bytes, plain"
COMPRESSED, PEER = "1 KiB, compressed once", "1 KiB, ws, compressed for each"
OVER_TCP, OVER_TLS = "plain", "TLS"
JSON_BYTES = 1024
PAYLOAD_BYTES_MIN = 24

COST = [
    bench.Column("server CPU per delivery, us", "cpu", 2, has_ratio=True),
    bench.Column("of it in user space, us", "user", 2),
    bench.Column("memory per idle connection, B", "memory", 0),
]


def flags(options, address, scheme="ws", *more):
    connections = options.connections
    return ["fanout", "--url", f"{scheme}://{address}/sub/{{topic}}", "-n", connections,
            "-m", options.messages, "--pss-at", f"{connections // 5},{connections}", *more]


def one(options, cpus, command, needs, scheme, *more):
    """A server of its own, one run, its figures; or why there are none."""
    try:
        with Server(command, cpus, options.memory * 2**30, needs) as server:
            raw = bench.load(options, flags(options, server.address, scheme, *more), server)
        return bench.fanout(raw)
    except Failed as failed:
        return {}, [str(failed)]


def rounds(options, names, run):
    """Rounds that each begin with another row; what `run` found, by row."""
    found = {name: [] for name in names}
    for number in range(options.rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            figures, notes = run(name)
            found[name].append((figures, notes))
            shown = ", ".join(f"{key} {value:.2f}" for key, value in figures.items()
                              if value is not None)
            print(f"round {number + 1} {name:<32} {shown}{''.join(f' [{n}]' for n in notes)}",
                  file=sys.stderr, flush=True)
    return found


def deflate(options, cpus):
    """Compressed once, against plain ones and against a peer that compresses for each."""
    json = ["--filler", "json"]
    with tempfile.TemporaryDirectory() as folder:
        command, needs = settings.command(options.corecast, folder, compression=True)

        def compressed(command, needs):
            return one(options, cpus, command, needs, "ws", *json, "--deflate",
                       "-p", JSON_BYTES)

        figures, notes = compressed(command, needs)
        if not figures.get("compressed"):
            raise Failed(f"the server does not compress: {'; '.join(notes) or 'no size'}")
        same = max(PAYLOAD_BYTES_MIN, round(figures["compressed"]))

        def run(name):
            if name == COMPRESSED:
                return compressed(command, needs)
            if name == PEER:
                return compressed(["node", JS / "ws_server.js", FREE_PORT, "--deflate"], ("http",))
            length = same if name == SAME else JSON_BYTES
            return one(options, cpus, command, needs, "ws", *json, "-p", length)

        names = [SAME, COMPRESSED, PLAIN, PEER]
        found = rounds(options, names, run)
    columns = [bench.Column("compressed, B", "compressed", 0), *COST]
    title = (f"Compression: {options.connections:,} subscribers, JSON of {JSON_BYTES:,} B, "
             f"compressed {same} B")
    return bench.markdown(title, columns, names, found)


def tls(options, cpus):
    """The same fan-out over TCP and over TLS."""
    with tempfile.TemporaryDirectory() as folder:
        servers = {name: settings.command(options.corecast, folder_of(folder, name),
                                          tls=name == OVER_TLS)
                   for name in (OVER_TCP, OVER_TLS)}

        def run(name):
            scheme = "wss" if name == OVER_TLS else "ws"
            command, needs = servers[name]
            return one(options, cpus, command, needs, scheme, "-p", options.payload)

        found = rounds(options, list(servers), run)
    title = f"TLS: {options.connections:,} subscribers, {options.payload:,} B"
    return bench.markdown(title, COST, list(servers), found)


def folder_of(folder, name):
    """One for each server, as each has a configuration."""
    return tempfile.mkdtemp(prefix=name, dir=folder)
