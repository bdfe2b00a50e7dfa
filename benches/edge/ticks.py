"""Connections with many topics that all change in each tick: how often the server writes to each.

That is counted three times: by the kernel for each connection (the segments that came to it), by
the kernel for the server (its system calls), and by the server itself.
"""

import os
import subprocess
import tempfile
import time

import bench
import metrics
import settings
from closed import rounds
from crowd import NUMBER, Crowd, apart, frames, publish
from servers import Failed, Server
from sessions import cpu_of

TOPICS = 20
PLAYERS = 20
PAYLOAD = 64
# So many connections publish for rooms: as many rooms have one each.
PUBLISHERS = 20
SENDS = ("sendto", "sendmsg")
ROWS = ("shared:2000:33:1,shared:4000:33:1,shared:10000:100:1,rooms:2000:33:1,rooms:10000:250:1,"
        "shared:4000:33:2,shared:10000:150:2,rooms:10000:250:2")
SHARED, ROOMS = "20 topics of all", "20 topics of each room of 20"

COLUMNS = [
    bench.Column("connections", "connections", 0),
    bench.Column("tick, ms", "tick", 0),
    bench.Column("delivered, %", "delivered", 2),
    bench.Column("writes per connection and tick", "writes", 3),
    bench.Column("most of one connection, by its segments", "most", 3),
    bench.Column("system calls that send, per connection and tick", "calls", 3),
    bench.Column("server CPU per write, us", "cpu", 2),
    bench.Column("server CPUs busy", "busy", 2),
    bench.Column("longest tick to its last delivery, ms", "last", 0),
]


def ticks(options, cpus):
    """Each row: a layout of topics, connections, the time of a tick, shards, the write delay."""
    rows = {}
    for row in options.ticks.split(","):
        layout, connections, tick_ms, shards, *delay = row.split(":")
        delay_ms = int(delay[0]) if delay else 0
        kind = ROOMS if layout == "rooms" else SHARED
        name = (f"{kind}; shards: {shards}; {int(connections):,} connections, {tick_ms} ms; "
                f"write delay: {delay_ms} ms")
        rows[name] = (kind, int(connections), float(tick_ms) / 1000, int(shards), delay_ms)

    def run(name):
        try:
            return one(options, cpus, *rows[name])
        except (Failed, OSError) as failed:
            return {}, [str(failed)]

    found = rounds(options, list(rows), run)
    title = f"Ticks: {TOPICS} topics of each connection change in each tick, {PAYLOAD} B each"
    return bench.markdown(title, COLUMNS, list(rows), found)


def one(options, cpus, kind, connections, tick_s, shards, delay_ms):
    """A server of its own, and so many ticks."""
    if kind == SHARED:
        rooms = [[f"t{topic}" for topic in range(TOPICS)]]
    else:
        rooms = [[f"r{room}t{topic}" for topic in range(TOPICS)]
                 for room in range(-(-connections // PLAYERS))]
    channels = [rooms[number % len(rooms)] for number in range(connections)]
    count = options.tick_count
    with tempfile.TemporaryDirectory() as folder:
        timeouts = [f'write_delay = "{delay_ms}ms"'] if delay_ms else []
        command, needs = settings.command(options.corecast, folder, shards=shards, admin=True,
                                          timeouts=timeouts)
        with (Server(command, cpus if shards == 1 else all_cpus(cpus), options.memory * 2**30,
                     needs) as server,
              Crowd(server.address) as publishers, Crowd(server.address) as crowd):
            publishers.open([[]] * min(PUBLISHERS, len(rooms)))
            crowd.open(channels)
            # What is made at a topic's first message is no part of a tick.
            batches = batches_of(len(publishers), rooms)
            send(publishers, batches, 0)
            crowd.read_until(connections * TOPICS)
            time.sleep(0.5)
            publishers.read()
            return measured(server, publishers, crowd, batches, count, tick_s)


def all_cpus(cpus):
    """Those of the server and of its clients: several shards need more than one."""
    return cpus | os.sched_getaffinity(0)


def measured(server, publishers, crowd, batches, count, tick_s):
    """Ticks by another process, while this one reads."""
    admin = server.addresses["admin"]
    before = crowd.segments()
    answers = sum(publishers.segments())
    writes, cpu = written(admin), cpu_of(server)
    calls = Calls(server.pid)
    start = time.monotonic() + 0.2
    total = count * len(crowd) * TOPICS
    with apart(tick, publishers, batches, count, start, tick_s):
        got = crowd.read_until(total, seconds=0.2 + count * tick_s + 2)
        took = time.monotonic() - start
    last = took - (count - 1) * tick_s
    time.sleep(0.3)
    busy_s = cpu_of(server) - cpu
    calls = calls.end()
    answers = sum(publishers.segments()) - answers
    writes = written(admin) - writes - answers
    each = [now - then for now, then in zip(crowd.segments(), before)]
    ticks_of_all = count * len(crowd)
    notes = [] if got == total else [f"{total - got:,} deliveries did not come in time"]
    figures = {
        "connections": len(crowd),
        "tick": tick_s * 1000,
        "delivered": 100 * got / total,
        "writes": writes / ticks_of_all,
        "most": max(each) / count,
        "calls": None if calls is None else (calls - answers) / ticks_of_all,
        "cpu": busy_s * 1e6 / writes,
        "busy": busy_s / took,
        "last": last * 1000,
    }
    return figures, notes


def tick(publishers, batches, count, start, tick_s):
    """Publishes to all topics in each tick; what was due late is sent at once."""
    for number in range(count):
        time.sleep(max(0, start + number * tick_s - time.monotonic()))
        send(publishers, batches, number + 1)
        publishers.read()


def batches_of(publishers, rooms):
    """What each publisher sends: a frame for each room, with a message for each of its topics."""
    return [b"".join(frames([publish(channel, 0, PAYLOAD) for channel in room])
                     for room in rooms[index::publishers]) for index in range(publishers)]


def send(publishers, batches, number):
    for sock, batch in zip(publishers.sockets, batches):
        sock.setblocking(True)
        sock.sendall(batch.replace(NUMBER % 0, NUMBER % number))
        sock.setblocking(False)


def written(admin):
    """Writes until now, as the server counts them."""
    return sum(value for name, _, value in metrics.scrape(admin) if name == "corecast_writes_total")


class Calls:
    """System calls of a process that send, counted by perf(1) if that may."""

    def __init__(self, pid):
        events = ",".join(f"syscalls:sys_enter_{name}" for name in SENDS)
        command = ["perf", "stat", "-x", ",", "-e", events, "-p", str(pid)]
        try:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.PIPE, text=True)
        except OSError:
            self.process = None
            return
        # Until it has begun to count.
        time.sleep(0.5)

    def end(self):
        """How many there were; nothing if it could not count them."""
        if self.process is None:
            return None
        self.process.send_signal(2)
        said = self.process.communicate(timeout=10)[1]
        counts = [line.split(",")[0] for line in said.splitlines() if "sys_enter" in line]
        return sum(map(int, counts)) if counts and all(map(str.isdigit, counts)) else None
