#!/usr/bin/env python3
"""Shows what readers that stop reading do to the latency of all others, for each policy.

    cargo build --release --workspace && benches/slow_reader.py

Starts the server once for each policy and runs the same open-loop fan-out over it without and
with two stopped readers, one that never reads and one that is a stopped process (SIGSTOP); which
of the two runs comes first alternates, as a host's speed drifts. Prints the medians of the others' latencies side by side. Loopback only.
"""

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "release")
POLICIES = ["drop-oldest", "latest", "drop-newest", "disconnect"]
ROUNDS = 3
SUBSCRIBERS, PAYLOAD, RATE, SECONDS = 500, 2048, 300, 6
PATIENCE_S = 10
LOG_BYTES_MAX = 1 << 16


def program(name):
    return os.path.join(PROGRAMS, name)


def serve(policy):
    """Starts the server; returns its process and its two addresses."""
    log, text = tempfile.TemporaryFile(), ""
    server = subprocess.Popen(
        [program("corecast"), "serve", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0",
         "--tcp-topic", "slow", "--shards", "1", "--slow-consumer", policy],
        stderr=log)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ended = server.poll() is not None  # Before its log is read, which is then complete.
        # Not by `seek`, as the server writes at the same offset.
        text = os.pread(log.fileno(), LOG_BYTES_MAX, 0).decode()
        if "ready" in text:
            http = re.search(r"listening http (\S+)", text)[1]
            tcp = re.search(r"listening tcp (\S+)", text)[1]
            return server, http, tcp
        if ended:
            break
        time.sleep(0.02)
    server.kill()
    server.wait()
    sys.exit(f"the server did not start; its log: {text or 'nothing'}")


def never_reads(tcp):
    """A subscriber that reads the first frame, which says that it is one, and no more."""
    host, port = tcp.rsplit(":", 1)
    reader = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    assert reader.recv(4, socket.MSG_WAITALL) == bytes(4)
    return reader


def stopped_process(tcp):
    """A process that reads all it gets, stopped."""
    host, port = tcp.rsplit(":", 1)
    read_all = ("import socket\n"
                f"reader = socket.create_connection(({host!r}, {port}))\n"
                "print(len(reader.recv(4, socket.MSG_WAITALL)), flush=True)\n"
                "while reader.recv(65536): pass\n")
    reader = subprocess.Popen([sys.executable, "-c", read_all], stdout=subprocess.PIPE)
    assert reader.stdout.readline() == b"4\n"
    reader.send_signal(signal.SIGSTOP)
    return reader


def fanout_beside_stopped(http, tcp):
    """The same beside two stopped readers."""
    idle = never_reads(tcp)
    try:
        stopped = stopped_process(tcp)
        try:
            return fanout(http, tcp)
        finally:
            stopped.kill()
            stopped.wait()
    finally:
        idle.close()


def fanout(http, _tcp):
    """One run of the load generator; its figures."""
    with tempfile.NamedTemporaryFile(suffix=".json") as figures:
        run = subprocess.run(
            [program("loadtest"), "fanout", "--url", f"ws://{http}/sub/slow",
             "--connections", str(SUBSCRIBERS), "--payload", str(PAYLOAD),
             "--rate", str(RATE), "--duration", str(SECONDS), "--json", figures.name],
            capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"a run over healthy subscribers failed:\n{run.stdout}\n{run.stderr}")
        return json.load(figures)


def main():
    print(f"{SUBSCRIBERS} subscribers, {RATE} messages/s of {PAYLOAD} B for {SECONDS} s, "
          f"median of {ROUNDS}")
    print(f"{'policy':<14}{'p50 without':>14}{'p50 with':>12}{'p99 without':>14}{'p99 with':>12}")
    for policy in POLICIES:
        server, http, tcp = serve(policy)
        figures = {False: [], True: []}
        try:
            for number in range(ROUNDS):
                for with_stopped in (number % 2 == 1, number % 2 == 0):
                    run = fanout_beside_stopped if with_stopped else fanout
                    figures[with_stopped].append(run(http, tcp))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
        row = [statistics.median(run["latency"][name] for run in figures[with_stopped])
               for name in ("p50_us", "p99_us") for with_stopped in (False, True)]
        print(f"{policy:<14}{row[0]:>11.0f} us{row[1]:>9.0f} us{row[2]:>11.0f} us{row[3]:>9.0f} us")


if __name__ == "__main__":
    main()
