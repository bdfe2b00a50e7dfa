"""What is measured: the load generator's flags for each load, and its figures."""

import typing

PAYLOAD = 64


class Size(typing.NamedTuple):
    """How much of everything."""

    connections: int
    messages: int
    open_s: float
    echo_connections: int
    echo_messages: int
    topics: int
    topics_rate: int


FULL = Size(10_000, 30, 3, 1_000, 150, 1_000, 2_000)
QUICK = Size(2_000, 50, 1, 200, 100, 200, 500)

# Seconds that a server may take for what a schedule left it to do.
OPEN_GRACE_S = 2
OPEN_RATES = (50, 100, 400)
# Where the client takes more of its time, a run measures the client.
BUSY_MAX = 0.95
SPOILED = "the client was the bottleneck"


class Figure(typing.NamedTuple):
    """A column: its head, how a run's JSON gives it, digits after the point."""

    head: str
    of: typing.Callable[[dict], float | None]
    digits: int
    # Whether it is also given as a ratio to the floor.
    has_ratio: bool = True


class Scenario(typing.NamedTuple):
    """One load."""

    key: str
    title: str
    # Given an address.
    flags: typing.Callable[[str], list]
    figures: list
    # What the floor has to do; None where it has nothing like it.
    floor_mode: str | None
    # What is said of a run whose client was busy; `SPOILED` ones do not count.
    if_busy: str | None = SPOILED
    # Whether less than everything may arrive without the run being a failure.
    may_fall_behind: bool = False


def cpu_us(run):
    return run["server"]["cpu_us_per_message"]


def all_scenarios(size):
    """All loads, in the order of the tables."""
    connections = size.connections
    fanout = ["fanout", "-n", connections, "-p", PAYLOAD]
    marks = f"{connections // 5},{connections}"
    echo = ["echo", "-n", size.echo_connections, "-m", size.echo_messages, "-p", PAYLOAD]
    scenarios = [
        Scenario(
            "fanout",
            f"Fan-out, closed loop: {connections:,} subscribers, {PAYLOAD} B; "
            f"memory between {marks.replace(',', ' and ')} connections",
            lambda at: [*fanout, "--url", f"ws://{at}/sub/{{topic}}", "-m", size.messages,
                        "--pss-at", marks],
            [Figure("server CPU per delivery, us", cpu_us, 2),
             Figure("of it in user space, us",
                    lambda run: run["server"]["user_us_per_message"], 2, has_ratio=False),
             Figure("memory per idle subscriber, B",
                    lambda run: run["server_memory"]["pss_slope_bytes_per_connection"], 0,
                    has_ratio=False)],
            "fanout"),
    ]
    for rate in OPEN_RATES:
        scenarios.append(open_loop(fanout, rate, size))
    scenarios += [
        Scenario(
            "echo",
            f"Echo: {size.echo_connections:,} connections, one message of {PAYLOAD} B under way "
            "on each",
            lambda at: [*echo, "--url", f"ws://{at}/echo"],
            [Figure("server CPU per round trip, us", cpu_us, 2)],
            # One of both sides is always busy.
            "echo", if_busy=None),
        many_topics(size),
        Scenario(
            "connect",
            f"Connections: {connections:,} opened as fast as the server takes them",
            lambda at: ["connect", "-n", connections, "--hold", "0s",
                        "--url", f"ws://{at}/sub/{{topic}}"],
            [Figure("accepted per s", lambda run: run["opening"]["opened_per_s"], 0),
             Figure("server CPU per connection, us",
                    lambda run: run["server"]["cpu_us_per_connection"], 1)],
            "fanout", if_busy="the client was the bottleneck and limited the rate"),
    ]
    return scenarios


def many_topics(size):
    """A schedule that every server should keep to, over many topics with few subscribers each."""
    connections, topics, rate = size.connections, size.topics, size.topics_rate
    asked = rate * size.open_s * connections // topics

    def memory(run):
        return run["server_memory"] and run["server_memory"]["pss_bytes_per_topic"]

    return Scenario(
        "topics",
        f"Many topics: {topics:,} of them, {connections:,} subscribers, a publisher's connection "
        f"for each topic, {rate:,} messages/s of {PAYLOAD} B in all",
        lambda at: ["topics", "-t", topics, "-n", connections, "-p", PAYLOAD, "--rate", rate,
                    "-m", int(rate * size.open_s), "--deadline", size.open_s + OPEN_GRACE_S,
                    "--url", f"ws://{at}/sub/{{topic}}"],
        [Figure("server CPU per delivery, us", cpu_us, 2),
         Figure("delivered, %", lambda run: 100 * run["deliveries"]["got"] / asked, 1),
         Figure("p50, ms", milliseconds("p50_us"), 2),
         Figure("p99, ms", milliseconds("p99_us"), 2),
         Figure("memory per topic, B", memory, 0)],
        # A floor has one topic, whatever the path.
        None, may_fall_behind=True)


def milliseconds(name):
    """Of what arrived: a server that drops most may look quick."""
    return lambda run: run["latency"][name] / 1000 if run["deliveries"]["got"] else None


def open_loop(fanout, rate, size):
    """A fixed schedule, whether or not the server keeps up."""
    asked = rate * size.open_s * size.connections

    def share(run):
        return 100 * run["deliveries"]["got"] / asked

    def cores(run):
        return run["server"]["busy_cores"]

    return Scenario(
        f"open-{rate}",
        f"Open loop: {size.connections:,} subscribers, {PAYLOAD} B, {rate} messages/s "
        f"for {size.open_s:g} s and {OPEN_GRACE_S} s more",
        lambda at: [*fanout, "--url", f"ws://{at}/sub/{{topic}}", "--rate", rate,
                    "--duration", size.open_s, "--deadline", size.open_s + OPEN_GRACE_S],
        [Figure("delivered, %", share, 1, has_ratio=False),
         Figure("p50, ms", milliseconds("p50_us"), 1),
         Figure("p99, ms", milliseconds("p99_us"), 1),
         Figure("cores busy", cores, 2, has_ratio=False)],
        "batch", may_fall_behind=True)
