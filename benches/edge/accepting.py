"""Accepting: each shard for itself, or a balancer for all."""

import tempfile

import bench
import settings
from closed import folder_of, rounds
from servers import Failed, Server

SHARDS = 4
HASH, EVEN = "each for itself (hash)", "a balancer (even)"

COLUMNS = [
    bench.Column("server CPU per accept and upgrade, us", "accept", 2, has_ratio=True),
    bench.Column("accepted per s", "rate", 0),
]


def even(options, cpus):
    """Connections opened as fast as they are taken, by servers with some shards on one CPU."""
    with tempfile.TemporaryDirectory() as folder:
        servers = {name: settings.command(options.corecast, folder_of(folder, name),
                                          shards=SHARDS, even=name == EVEN)
                   for name in (HASH, EVEN)}

        def run(name):
            command, needs = servers[name]
            try:
                with Server(command, cpus, options.memory * 2**30, needs) as server:
                    words = ["connect", "--url", f"ws://{server.address}/sub/{{topic}}",
                             "-n", options.connections, "--hold", "0s"]
                    raw = bench.load(options, words, server)
            except Failed as failed:
                return {}, [str(failed)]
            opening = raw["opening"]
            if not raw["passed"]:
                return {}, [f"failed: {opening['live']:,} of {options.connections:,} connections"]
            return {"accept": raw["server"]["cpu_us_per_connection"],
                    "rate": opening["opened_per_s"]}, []

        found = rounds(options, list(servers), run)
    title = f"Accepting: {options.connections:,} connections, {SHARDS} shards"
    return bench.markdown(title, COLUMNS, list(servers), found)
