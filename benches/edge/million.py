"""A million topics with two subscribers each: what a topic and a subscription take, what a message
costs beside as many, and what a client notices while all subscribe, leave and return at once.
"""

import multiprocessing
import os
import random
import statistics
import tempfile
import time

import bench
import metrics
import settings
from crowd import Crowd, apart, frames, publish
from servers import Failed, Server
from sessions import cpu_of, pss

EACH = 200
PAYLOAD = 64
MESSAGES = 20_000
MESSAGES_PER_FRAME = 1
PROBE_EVERY_S = 0.005

MEMORY = [
    bench.Column("a connection", "connection", 0),
    bench.Column("a topic with a subscription", "topic", 0),
    bench.Column("a further subscription", "further", 0),
]
COST = [bench.Column("server CPU per message and its two deliveries, us", "cpu", 2),
        bench.Column("of it in user space, us", "user", 2)]
STORM = [
    bench.Column("took, s", "took", 2),
    bench.Column("echo p50, ms", "p50", 1),
    bench.Column("echo p99, ms", "p99", 1),
    bench.Column("echo at most, ms", "most", 1),
    bench.Column("longest turn below, ms", "turn", 1),
]
QUIET, LEAVE, SUBSCRIBE = "none", "all leave their topics", "all subscribe again"
CUT, RETURN = "all are cut", "all connect and subscribe"


def million(options, cpus):
    """Three tables of one server in each round."""
    connections = options.connections
    costs = [f"{count:,}" for count in (1, EACH, 1_000, connections * EACH // 2)]
    found = {"memory": {"": []}, "cost": {name: [] for name in costs},
             "storm": {name: [] for name in (QUIET, LEAVE, SUBSCRIBE, CUT, RETURN)}}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            limits = [f"subscriptions = {EACH}"]
            command, needs = settings.command(options.corecast, folder, admin=True, limits=limits)
            for name in costs[:-1]:
                with Server(command, cpus, options.memory * 2**30, needs) as server:
                    found["cost"][name].append((few(server, int(name.replace(",", ""))), []))
            with Server(command, cpus, options.memory * 2**30, needs) as server:
                all_of(server, connections, costs[-1], found)
    return "\n".join([
        bench.markdown(f"Memory of {connections * EACH // 2:,} topics with two subscribers each, B",
                       MEMORY, [""], found["memory"]),
        bench.markdown("Publishing, by the number of topics", COST, costs, found["cost"]),
        bench.markdown(f"Storms: {connections:,} connections of {EACH} topics", STORM,
                       list(found["storm"]), found["storm"])])


def channels_of(connections):
    """Each half of the connections has all topics; those of a connection of the second half are
    spread over all of the first."""
    half = connections // 2
    first = [[f"topic:{own * EACH + place}" for place in range(EACH)] for own in range(half)]
    second = [[f"topic:{place * half + own}" for place in range(EACH)] for own in range(half)]
    return first, second


def few(server, topics):
    """What a message costs where there are few topics."""
    each = min(EACH, topics)
    channels = [[f"topic:{part * each + place}" for place in range(each)]
                for part in range(topics // each)]
    with Crowd(server.address) as crowd:
        crowd.open(channels + channels)
        return cost(server, crowd, [channel for own in channels for channel in own])


def all_of(server, connections, name, found):
    """Memory, costs and storms with all topics."""
    admin, (first, second) = server.addresses["admin"], channels_of(connections)
    with Crowd(server.address) as crowd:
        sizes = [pss(server)]
        crowd.open([[]] * connections)
        sizes.append(pss(server))
        half = connections // 2
        for part, own in ((crowd.sockets[:half], first), (crowd.sockets[half:], second)):
            for at in range(0, half, 500):
                crowd.subscribe(part[at:at + 500], own[at:at + 500])
            sizes.append(pss(server))
        subscriptions = half * EACH
        grown = [now - before for before, now in zip(sizes, sizes[1:])]
        found["memory"][""].append(({"connection": grown[0] / connections,
                                     "topic": grown[1] / subscriptions,
                                     "further": grown[2] / subscriptions}, []))
        topics = [channel for own in first for channel in own]
        found["cost"][name].append((cost(server, crowd, topics), []))
        channels = first + second
        storms = {
            QUIET: lambda: time.sleep(2),
            LEAVE: lambda: crowd.unsubscribe(crowd.sockets, channels),
            SUBSCRIBE: lambda: crowd.subscribe(crowd.sockets, channels),
            CUT: lambda: gone(crowd, admin),
            RETURN: lambda: crowd.open(channels),
        }
        for storm, work in storms.items():
            found["storm"][storm].append((beside(server.address, admin, work), []))


def gone(crowd, admin):
    """Ends all connections, and waits until the server has done so."""
    crowd.close()
    while metrics.connections(admin) > 1:
        time.sleep(0.05)


def cost(server, crowd, topics):
    """The server's CPU for a message to one topic of all and its two deliveries."""
    wanted = random.Random(7).choices(topics, k=MESSAGES)
    with Crowd(server.address) as publisher:
        publisher.open([[]])
        crowd.read()
        begun = cpu_of(server), user_of(server)
        for at in range(0, MESSAGES, MESSAGES_PER_FRAME):
            part = wanted[at:at + MESSAGES_PER_FRAME]
            publisher.sockets[0].sendall(
                frames([publish(topic, at, PAYLOAD) for topic in part]))
            publisher.read()
            if crowd.read_until(2 * len(part), 10) != 2 * len(part):
                raise Failed("a message did not come")
        took = cpu_of(server) - begun[0], user_of(server) - begun[1]
    return {"cpu": took[0] * 1e6 / MESSAGES, "user": took[1] * 1e6 / MESSAGES}


def user_of(server):
    """Seconds of CPU that the server has used in user space, proc_pid_stat(5)."""
    with open(f"/proc/{server.pid}/stat", encoding="ascii") as file:
        return int(file.read().rsplit(")", 1)[1].split()[11]) / os.sysconf("SC_CLK_TCK")


def beside(address, admin, work):
    """What a client sees of its own messages while something is done, and the longest turn."""
    ours, theirs = multiprocessing.Pipe()
    with Crowd(address) as probe:
        probe.open([["probe"]])
        turns = metrics.turns(admin)
        start = time.monotonic()
        with apart(echo, probe, theirs):
            work()
            took = time.monotonic() - start
            ours.send("end")
            times = ours.recv()
        longest = metrics.quantile(turns, metrics.turns(admin), 1)
    percentiles = statistics.quantiles(times, n=100)
    return {"took": took, "p50": percentiles[49] * 1e3, "p99": percentiles[98] * 1e3,
            "most": max(times) * 1e3, "turn": longest and longest / 1e3}


def echo(probe, pipe):
    """Publishes to itself every few milliseconds; times count from when a message was due."""
    try:
        # What it waits for is the server, and not the CPU that it has with the others.
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    except PermissionError:
        pass
    sock, times, due = probe.sockets[0], [], time.monotonic()
    message = frames([publish("probe", 0, PAYLOAD)])
    while not pipe.poll():
        time.sleep(max(0, due - time.monotonic()))
        sock.sendall(message)
        if probe.read_until(1) != 1:
            raise Failed("the probe got no answer")
        times.append(time.monotonic() - due)
        due += PROBE_EVERY_S
    pipe.send(times)
