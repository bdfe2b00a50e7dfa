#!/usr/bin/env python3
"""Compares corecast with other WebSocket servers and with the libc floor.

    benches/peers/run.py --setup     # installs and builds all servers
    benches/peers/run.py --check     # 2,000 connections on each: all delivered, in order
    benches/peers/run.py             # the tables; about a quarter of an hour

Every server is started anew for every run, on the first CPU; the load generator has the others.
The servers take turns, and each round begins with another one. Loopback only; README.md says what
each server is.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import about
import check
import scenarios
import table
from servers import DEFERRED, FLOOR, PROGRAMS, SERVERS, Failed, Server, all_descriptors

RUN_S = 120
NO_PROGRESS_S = 10
ROUNDS = 3


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true",
                        help="install and build all servers, and nothing else")
    parser.add_argument("--check", action="store_true",
                        help="check each server with a small load, and nothing else")
    parser.add_argument("--quick", action="store_true",
                        help="one round of small loads, to see that all works: no figures to keep")
    parser.add_argument("--only", default="", metavar="NAMES",
                        help="servers, loads or both, separated by commas; the floor is always "
                        f"there. Servers: {', '.join(SERVERS)}. Loads: "
                        + ", ".join(load.key for load in scenarios.all_scenarios(scenarios.FULL)))
    parser.add_argument("--rounds", type=int, metavar="N",
                        help=f"rounds of which the median is taken [default: {ROUNDS}]")
    parser.add_argument("--json", metavar="FILE",
                        help="write all runs to this file, after every run")
    parser.add_argument("--timeout", type=float, default=RUN_S, metavar="SECONDS",
                        help="for one run [default: %(default)s]")
    parser.add_argument("--memory", type=float, default=6, metavar="GIB",
                        help="a server that takes more is ended and reported [default: %(default)s]")
    return parser.parse_args()


def choose(only, loads):
    """The servers and loads that were asked for."""
    names = [name for name in only.split(",") if name]
    keys = [load.key for load in loads]
    for name in names:
        if name not in SERVERS and name not in keys:
            sys.exit(f"--only: there is no {name!r}; --help lists all names")
    servers = [name for name in names if name in SERVERS] or list(SERVERS)
    wanted = [name for name in names if name in keys] or keys
    with_floor = [FLOOR, *(name for name in servers if name != FLOOR)]
    return with_floor, [load for load in loads if load.key in wanted]


def possible(loads):
    """Those that the load generator can make; says which it cannot."""
    try:
        told = subprocess.run([str(PROGRAMS / "loadtest"), "--help"], capture_output=True,
                              text=True, check=True).stdout
    except OSError:
        sys.exit("there is no load generator: run.py --setup installs and builds all")
    missing = [load.key for load in loads
               if not re.search(rf"^  {load.flags('')[0]}\b", told, re.MULTILINE)]
    if missing:
        print(f"this loadtest has no {', '.join(missing)}: left out", file=sys.stderr)
    return [load for load in loads if load.key not in missing]


def cpus():
    """One for the server, the rest for the client."""
    all_cpus = sorted(os.sched_getaffinity(0))
    if len(all_cpus) < 2:
        sys.exit("server and client need a CPU each")
    return {all_cpus[0]}, set(all_cpus[1:])


def load(flags, server, timeout):
    """One run of the load generator; its figures."""
    with tempfile.TemporaryDirectory() as folder:
        figures = pathlib.Path(folder) / "figures.json"
        command = [PROGRAMS / "loadtest", *flags, "--server-pid", server.pid,
                   "--timeout", NO_PROGRESS_S, "--json", figures]
        try:
            run = subprocess.run([str(word) for word in command], timeout=timeout,
                                 capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired as expired:
            raise Failed(server.ended() or f"not done within {timeout:g} s") from expired
        gone = server.ended()
        if gone or not figures.exists():
            said = (run.stderr or run.stdout).strip().splitlines()
            raise Failed(gone or f"no figures: {said[-1] if said else 'it said nothing'}")
        return json.loads(figures.read_text(encoding="utf-8"))


def judge(scenario, run):
    """Whether a run counts, and what is to be said about it."""
    said, counts = [], True
    share = run["client"]["busy_share"]
    if scenario.if_busy and share > scenarios.BUSY_MAX:
        said.append(scenario.if_busy)
        counts = scenario.if_busy != scenarios.SPOILED
    faults = [name for name in ("duplicated", "reordered", "foreign")
              if run.get("deliveries", {}).get(name)]
    said += [f"messages were {name}" for name in faults]
    opening = run["opening"]
    whole = opening["live"] == opening["connections"] and not opening.get("ended_early")
    if not whole:
        said.append(f"failed: {opening['live']} of {opening['connections']} connections")
        counts = False
    elif not run["passed"]:
        said.append("fell behind" if scenario.may_fall_behind else "failed: not all arrived")
        counts &= scenario.may_fall_behind and not faults
    return counts, said


def one_run(scenario, name, number, options, server_cpus):
    """Starts a server, loads it, ends it; what was found, or why nothing was."""
    found = {"scenario": scenario.key, "server": name, "round": number,
             "counts": False, "figures": {}, "notes": []}
    try:
        with Server(SERVERS[name](scenario.floor_mode), server_cpus,
                    options.memory * 2**30) as server:
            raw = load(scenario.flags(server.address), server, options.timeout)
        found["counts"], found["notes"] = judge(scenario, raw)
        found["figures"] = {figure.head: figure.of(raw) for figure in scenario.figures}
        # What happened over time is much, and no part of the tables.
        found["raw"] = {name: part for name, part in raw.items() if name != "series"}
    except Failed as failed:
        found["notes"] = [str(failed)]
    return found


def takes_part(name, scenario):
    """Whether a load is for a server: how it accepts is seen where connections are opened."""
    if name == DEFERRED:
        return scenario.key == "connect"
    return name != FLOOR or scenario.floor_mode


def measure(servers, loads, options, report):
    """All rounds; yields nothing, but reports after every run."""
    server_cpus, client_cpus = cpus()
    os.sched_setaffinity(0, client_cpus)
    runs = []
    for number in range(options.rounds):
        for scenario in loads:
            present = [name for name in servers if takes_part(name, scenario)]
            turn = number % len(present)
            for name in present[turn:] + present[:turn]:
                begun = time.monotonic()
                run = one_run(scenario, name, number, options, server_cpus)
                runs.append(run)
                report(runs)
                shown = ", ".join(f"{head} {value:.2f}" for head, value in run["figures"].items()
                                  if value is not None)
                notes = "".join(f" [{note}]" for note in run["notes"])
                print(f"round {number + 1} {scenario.key:<10} {name:<18} {shown}{notes} "
                      f"({time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)
    return runs


def main():
    options = arguments()
    if options.setup:
        return about.setup()
    all_descriptors()
    options.rounds = options.rounds or (1 if options.quick else ROUNDS)
    loads = scenarios.all_scenarios(scenarios.QUICK if options.quick else scenarios.FULL)
    servers, loads = choose(options.only, loads)
    if options.check:
        server_cpus, client_cpus = cpus()
        os.sched_setaffinity(0, client_cpus)
        return check.all_servers(servers, options, load, server_cpus)
    described = about.lines(options)

    def report(runs):
        if options.json:
            text = json.dumps({"about": described, "runs": runs}, indent=1)
            pathlib.Path(options.json).write_text(text + "\n", encoding="utf-8")

    loads = possible(loads)
    runs = measure(servers, loads, options, report)
    print(table.whole(loads, servers, runs, described))
    return 0


if __name__ == "__main__":
    sys.exit(main())
