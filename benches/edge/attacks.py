"""The attacks of `loadtest hostile`, each alone and all at once: what a client that behaves sees,
how long the server's turns are, and how much memory it takes."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import bench
import settings
from servers import Failed, Server

ALL = "all"
ATTACKS = ("pongs", "pings", "empty-fragments", "empty-frames", "unheard", "endless", "burst",
           "compress", "unread-replies", "holders", "trickle", "nested-batches", "keyless-bodies",
           ALL)
KEY = "attacked"
LEVEL = 9
# The least group that a server should live in.
GROUP_MIB = 300
# The last bound of the server's histogram.
TURN_MS_MAX = 1048.576
# What a run needs beside the attack: the look before it, opening, the end.
AROUND_S = 60

COLUMNS = [
    bench.Column("echo p50 before, ms", "quiet", 2),
    bench.Column("echo p50, ms", "p50", 2),
    bench.Column("echo p99, ms", "p99", 1),
    bench.Column("turns: p99 at most, ms", "turn_p99", 1),
    bench.Column("all turns at most, ms", "turn_max", 1),
    bench.Column("resident at most, MiB", "rss", 0),
]


class Group:
    """A control group with a limit of memory, where one can be made (cgroups(7)); or none."""

    def __init__(self, mib):
        self.mib, self.path = mib, None

    def __enter__(self):
        name = f"corecast-bench-{os.getpid()}"
        for root, limit in ((pathlib.Path("/sys/fs/cgroup"), "memory.max"),
                            (pathlib.Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes")):
            path = root / name
            try:
                path.mkdir()
            except OSError:
                continue
            try:
                (path / limit).write_text(f"{self.mib << 20}\n", encoding="ascii")
            except OSError:
                path.rmdir()
                continue
            self.path = path
            break
        return self

    def __exit__(self, *_):
        if self.path:
            with contextlib.suppress(OSError):
                self.path.rmdir()

    def around(self, command):
        """The same command, run in the group."""
        if not self.path:
            return command
        join = f'echo $$ >{self.path}/cgroup.procs && exec "$0" "$@"'
        return ["sh", "-c", join, *command]


def figures_of(raw, server):
    """What a run found, for the table."""
    echo, turns = raw["echo"], raw["turns"] or {}
    found = {
        "quiet": echo["quiet"]["p50_us"] / 1000,
        "p50": echo["beside"]["p50_us"] / 1000, "p99": echo["beside"]["p99_us"] / 1000,
        "rss": (raw["server"]["rss_most_bytes"] or 0) / 2**20,
    }
    notes = [] if raw["passed"] else ["lets nobody in afterwards"]
    for key, name in (("turn_p99", "p99_us_at_most"), ("turn_max", "max_us_at_most")):
        if turns.get("count"):
            found[key] = min(turns[name] / 1000, TURN_MS_MAX)
            if TURN_MS_MAX < turns[name] / 1000:
                notes.append(f"a turn took more than {TURN_MS_MAX:,.0f} ms")
    if echo["ended"]:
        notes.append("a connection that behaves was ended")
    if not turns:
        notes.append("the admin port did not answer")
    gone = server.ended()
    return found, [*notes, gone] if gone else notes


def attacked(options, cpus, program, attack, group):
    """A server of its own, and one attack, or all, on it."""
    with tempfile.TemporaryDirectory() as folder:
        command, needs = settings.command(program, folder, compression=True, level=LEVEL,
                                          admin=True, tcp=True)
        command = group.around([str(word) for word in command])
        figures = pathlib.Path(folder) / "attack.json"
        try:
            with Server(command, cpus, options.memory * 2**30, needs) as server:
                words = [options.loadtest, "hostile", "--url", f"ws://{server.address}/sub/{{topic}}",
                         "--url", f"tcp://{server.addresses['tcp']}",
                         "--attack", attack, "--api-key", KEY, "--duration", f"{options.seconds}s",
                         "--admin", server.addresses["admin"], "--server-pid", server.pid,
                         "--no-preflight", "--quiet", "--timeout", bench.NO_PROGRESS_S,
                         "--json", figures]
                try:
                    run = subprocess.run(bench.words(words), capture_output=True, text=True,
                                         timeout=options.seconds + AROUND_S, check=False)
                except subprocess.TimeoutExpired as expired:
                    raise Failed(server.ended() or "not done in time") from expired
                raw = bench.read(figures, run.stderr or run.stdout, server)
                return figures_of(raw, server)
        except Failed as failed:
            return {}, [str(failed)]


def attacks(options, cpus):
    """All rounds, as a table."""
    os.environ["CORECAST_API_KEY"] = KEY
    programs = {"": options.corecast}
    if options.before:
        programs = {"before: ": options.before, "": options.corecast}
    wanted = options.only.split(",") if options.only else ATTACKS
    boxed = f"{ALL}, in {GROUP_MIB} MiB"
    rows = [f"{which}{attack}" for attack in wanted for which in programs]
    rows += [f"{which}{boxed}" for which in programs if ALL in wanted]
    found = {row: [] for row in rows}
    with Group(GROUP_MIB) as box:
        for number in range(options.rounds):
            for row in rows:
                which = next(which for which in programs if row.startswith(which))
                attack = row.removeprefix(which)
                group = box if attack == boxed else Group(0)
                run = attacked(options, cpus, programs[which], attack.split(",")[0], group)
                if attack == boxed and not box.path:
                    run = {}, ["no control group can be made here"]
                found[row].append(run)
                print(f"round {number + 1} {row:<30} {run}", file=sys.stderr, flush=True)
    title = f"Attacks: one shard, each for {options.seconds:g} s, compression at level {LEVEL}"
    return bench.markdown(title, COLUMNS, rows, found)
