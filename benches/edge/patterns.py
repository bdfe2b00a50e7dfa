"""Patterns of topics that are subscribed to: what they add to a message."""

import tempfile

import bench
import settings
from closed import rounds
from crowd import Crowd
from million import COST, EACH, cost
from servers import Failed, Server

PATTERNS = 100_000
EMPTY, NONE, MATCHED = "no patterns", "none matches", "one matches"


def patterns(options, cpus):
    """A message to a topic with two subscribers, or to one with one and a pattern with one."""
    with tempfile.TemporaryDirectory() as folder:
        limits = [f"subscriptions = {EACH}", f"patterns = {PATTERNS}"]
        command, needs = settings.command(options.corecast, folder, limits=limits)

        def run(name):
            try:
                with (Server(command, cpus, options.memory * 2**30, needs) as server,
                      Crowd(server.address) as crowd):
                    if name != EMPTY:
                        for at in range(0, PATTERNS, EACH):
                            crowd.open([[f"sensor:{number}/+/temp"
                                         for number in range(at, at + EACH)]])
                    sensor = "7" if name == MATCHED else "none"
                    topic = f"sensor:{sensor}/kitchen/temp"
                    crowd.open([[topic]] * (1 if name == MATCHED else 2))
                    return cost(server, crowd, [topic]), []
            except (Failed, OSError) as failed:
                return {}, [str(failed)]

        found = rounds(options, [EMPTY, NONE, MATCHED], run)
    return bench.markdown(f"Patterns: {PATTERNS:,} of them, a topic of three levels", COST,
                          [EMPTY, NONE, MATCHED], found)
