"""The servers that are compared: how each is started, found, watched and ended."""

import os
import pathlib
import queue
import re
import resource
import signal
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAMS = ROOT / "target" / "release"
RUST = HERE / "rust" / "target" / "release"
JS = HERE / "js"
BUN = JS / "node_modules" / ".bin" / "bun"
FREE_PORT = "127.0.0.1:0"
START_S = 10
STOP_S = 10
QUOTED_LINES = 5
WATCH_EVERY_S = 0.1

FLOOR = "floor"
# The same where the kernel accepts a connection when its request has come (tcp(7)).
DEFERRED = "floor-deferred"


def floor(mode):
    """The yardstick; each kind of load has a mode of its own."""
    return [PROGRAMS / "loadtest", "floor", "--http", FREE_PORT, "--call", "libc", "--mode", mode]


# Name and command, given the mode of the floor.
SERVERS = {
    FLOOR: floor,
    DEFERRED: lambda mode: [*floor(mode), "--defer-accept"],
    "corecast": lambda _: [PROGRAMS / "corecast", "serve", "--http", FREE_PORT, "--shards", "1"],
    "bun": lambda _: [BUN, JS / "bun_server.js", FREE_PORT],
    "ws": lambda _: ["node", JS / "ws_server.js", FREE_PORT],
    "tungstenite": lambda _: [RUST / "tungstenite", FREE_PORT],
    "tungstenite-small": lambda _: [RUST / "tungstenite", FREE_PORT, "--small-buffers"],
    "fastwebsockets": lambda _: [RUST / "fastwebsockets", FREE_PORT],
    "axum": lambda _: [RUST / "axum", FREE_PORT],
}


class Failed(Exception):
    """A server or a run that could not be had; says why."""


class Server:
    """A running server on the first CPU, ended when left."""

    def __init__(self, command, cpus, memory_max, needs=("http",)):
        """`needs` are what it has to say where it listens for."""
        self.memory_max = memory_max
        self.trouble = None
        self.lines = queue.SimpleQueue()
        command = [str(word) for word in command]
        environment = {**os.environ, "RUST_LOG": "info", "NODE_ENV": "production"}
        own = os.sched_getaffinity(0)
        # A new process has the CPUs and limits of the thread that starts it.
        os.sched_setaffinity(0, cpus)
        try:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace")
        except OSError as error:
            raise Failed(f"{error.strerror}; run.py --setup installs and builds") from error
        finally:
            os.sched_setaffinity(0, own)
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.addresses = self._listens_at(needs)
            self.address = self.addresses[needs[0]]
        except BaseException:
            self.stop()
            raise
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """Asks it to end, by its process id, and insists after a while."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ended(self):
        """Why it is gone, if it is."""
        if self.trouble is None and self.process.poll() is not None:
            self.trouble = f"the server ended ({self.process.returncode})"
        return self.trouble

    def _listens_at(self, needs):
        said, found, deadline = [], {}, time.monotonic() + START_S
        while not all(need in found for need in needs):
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                last = " | ".join(said[-QUOTED_LINES:]) or "nothing"
                raise Failed(f"did not say where it listens; it said: {last}")
            said.append(line)
            if place := re.search(r"listening (\S+) (\S+)", line):
                found.setdefault(place[1], place[2])
        return found

    def _read(self):
        """Reads all it says, so that it never waits for a reader."""
        with self.process.stdout as stream:
            for line in stream:
                self.lines.put(line.strip())
        self.lines.put(None)

    def _watch(self):
        """Ends it before the memory it takes becomes everybody's trouble."""
        while self.process.poll() is None:
            if resident_bytes(self.pid) > self.memory_max:
                self.trouble = f"took more than {self.memory_max / 2**30:g} GiB of memory"
                self.process.kill()
                return
            time.sleep(WATCH_EVERY_S)


def all_descriptors():
    """Allows this process, and those it starts, all the descriptors they may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def resident_bytes(pid):
    """Memory of a process, 0 when it has ended."""
    try:
        pages = pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * resource.getpagesize()
