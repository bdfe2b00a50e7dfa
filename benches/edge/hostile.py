"""An established fan-out beside a client that misbehaves: latency, turns of the server, memory."""

import contextlib
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import bench
import metrics
import settings
from servers import Failed, Server

QUIET, BESIDE, AGAIN = "quiet", "beside it", "quiet again"
LOOK_EVERY_S = 0.5
# All slow heads are there by then, or as many as the server lets in.
OPEN_S = 20
# What a fan-out needs beside its schedule: connections, and the look before the run.
AROUND_S = 20
RATE, PAYLOAD = 50, 64

COLUMNS = [
    bench.Column("p50, ms", "p50", 2, has_ratio=True),
    bench.Column("p99, ms", "p99", 2, has_ratio=True),
    bench.Column("turns: p50 at most, us", "turn_p50", 0),
    bench.Column("turns: p99 at most, us", "turn_p99", 0, has_ratio=True),
    bench.Column("server CPU per delivery, us", "cpu", 2),
    bench.Column("server memory at most, MiB", "pss", 1),
]
MISDEEDS = [
    bench.Column("slow heads at most", "slow", 0),
    bench.Column("of them ended by the server", "slow_ended", 0),
    bench.Column("let live p50, s", "lived", 1),
    bench.Column("garbage per s", "garbage", 0),
    bench.Column("not ended within 1 s", "left", 0),
    bench.Column("garbage ended after p99, ms", "ended", 1),
    bench.Column("cores of the server", "cores", 2),
]


class Memory:
    """The most memory that a process had, looked at now and then, each shared page by its share."""

    def __init__(self, pid):
        self.file, self.most, self.is_over = f"/proc/{pid}/smaps_rollup", 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def _watch(self):
        while True:
            with contextlib.suppress(OSError):
                for line in pathlib.Path(self.file).read_text(encoding="ascii").splitlines():
                    if line.startswith("Pss:"):
                        self.most = max(self.most, int(line.split()[1]) / 1024)
            if self.is_over.wait(LOOK_EVERY_S):
                return


def phase(options, server):
    """One fan-out with what the server told of its turns meanwhile."""
    flags = ["fanout", "--url", f"ws://{server.address}/sub/{{topic}}",
             "-n", options.subscribers, "-p", PAYLOAD,
             "--rate", RATE, "--duration", options.seconds]
    before = metrics.turns(server.addresses["admin"])
    with Memory(server.pid) as memory:
        figures, notes = bench.fanout(bench.load(options, flags, server))
    after = metrics.turns(server.addresses["admin"])
    figures["turn_p50"] = metrics.quantile(before, after, 0.50)
    figures["turn_p99"] = metrics.quantile(before, after, 0.99)
    figures["pss"] = memory.most
    return figures, notes


class Misdeeds:
    """`loadtest hostile`, which runs while this is entered and some seconds more."""

    def __init__(self, options, server, folder):
        self.options, self.server = options, server
        self.figures = pathlib.Path(folder) / "hostile.json"
        self.duration = OPEN_S + AROUND_S + options.seconds
        command = [options.loadtest, "hostile", "--url", f"ws://{server.address}/sub/{{topic}}",
                   "--slow-headers", options.slow_headers,
                   "--garbage-per-s", options.garbage_per_s,
                   "--duration", f"{self.duration:g}s", "--server-pid", server.pid,
                   "--no-preflight", "--quiet", "--json", self.figures]
        self.process = subprocess.Popen(bench.words(command), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def wait_until_open(self):
        """Until the slow heads are there; what is to be said if they are not."""
        deadline = time.monotonic() + OPEN_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if metrics.connections(self.server.addresses["admin"]) >= self.options.slow_headers:
                return []
            time.sleep(LOOK_EVERY_S)
        return ["not all slow heads were open"]

    def finish(self):
        """Waits for its end; its figures."""
        is_beside = self.process.poll() is None
        try:
            _, said = self.process.communicate(timeout=self.duration + self.options.timeout)
        except subprocess.TimeoutExpired as expired:
            raise Failed("hostile: not done in time") from expired
        raw = bench.read(self.figures, said, self.server)
        slow, garbage, server = raw["slow_heads"], raw["garbage"], raw["server"]
        figures = {
            "slow": slow["open_most"], "slow_ended": sum(slow["ends"].values()),
            "lived": slow["lived"]["p50_us"] / 1e6 if slow["lived"]["count"] else None,
            "garbage": garbage["connected_per_s"], "left": garbage["left_open"],
            "ended": garbage["lived"]["p99_us"] / 1000, "cores": server["busy_cores"],
        }
        notes = [] if raw["passed"] else ["failed"]
        if not is_beside:
            notes.append("it was over before the fan-out")
        return figures, notes


def one_round(options, cpus, folder):
    """Quiet, beside it, quiet again, on one server."""
    command, needs = settings.command(options.corecast, folder, admin=True)
    with Server(command, cpus, options.memory * 2**30, needs) as server:
        found = {QUIET: phase(options, server)}
        with Misdeeds(options, server, folder) as misdeeds:
            said = misdeeds.wait_until_open()
            figures, notes = phase(options, server)
            found[BESIDE] = figures, [*said, *notes]
            done = misdeeds.finish()
        found[AGAIN] = phase(options, server)
    return found, done


def hostile(options, cpus):
    """All rounds, as tables."""
    rows, done = {QUIET: [], BESIDE: [], AGAIN: []}, []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            try:
                found, misdeeds = one_round(options, cpus, folder)
            except (Failed, OSError) as failed:
                found, misdeeds = {name: ({}, [str(failed)]) for name in rows}, ({}, [])
        for name, run in found.items():
            rows[name].append(run)
            print(f"round {number + 1} {name:<12} {run}", file=sys.stderr, flush=True)
        done.append(misdeeds)
    title = (f"Hostile: {options.subscribers:,} subscribers, {RATE} messages/s of {PAYLOAD} B for "
             f"{options.seconds:g} s; {options.slow_headers:,} slow heads and "
             f"{options.garbage_per_s:,} connections of garbage a second")
    return "\n".join([
        bench.markdown(title, COLUMNS, list(rows), rows),
        bench.markdown("What the hostile client saw", MISDEEDS, ["hostile"], {"hostile": done}),
    ])
