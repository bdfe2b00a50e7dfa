#!/usr/bin/env python3
"""Measures what stands at the edge of the server: compression, TLS, accepting, identity, and clients
that misbehave.

    cargo build --locked --release --workspace
    (cd benches/peers/js && npm ci)       # for the peer of --deflate
    benches/edge/run.py --deflate --tls --even --hostile --attacks >edge.md

The server has the first CPU, load generators the others. Loopback only; README.md says what is
measured.
"""

import argparse
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "peers"))

# What it has in common with the other benches is found by the line above.
import about  # noqa: E402
import accepting  # noqa: E402
import attacks  # noqa: E402
import auth  # noqa: E402
import closed  # noqa: E402
import hostile  # noqa: E402
import million  # noqa: E402
import patterns  # noqa: E402
import sessions  # noqa: E402
import ticks  # noqa: E402
from servers import PROGRAMS, Failed, all_descriptors  # noqa: E402

ROUNDS = 5
QUICK = {"rounds": 1, "connections": 500, "messages": 10, "subscribers": 50, "seconds": 2, "steady": 50,
         "slow_headers": 100, "garbage_per_s": 50, "tick_count": 10}
FULL = {"rounds": ROUNDS, "connections": 10_000, "messages": 30, "subscribers": 1_000,
        "seconds": 20, "steady": 500, "slow_headers": 10_000, "garbage_per_s": 1_000,
        "tick_count": 100}


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deflate", action="store_true",
                        help="a fan-out that is compressed once, beside plain ones and beside a "
                        "server that compresses for each connection")
    parser.add_argument("--tls", action="store_true", help="a fan-out over TLS, beside plain")
    parser.add_argument("--even", action="store_true",
                        help="connections that a balancer accepts, beside each shard for itself")
    parser.add_argument("--auth", metavar="PARTS", nargs="?", const=",".join(auth.PARTS),
                        help="tokens, rules and users beside a server without them; some of, "
                        f"separated by commas: {', '.join(auth.PARTS)} [default: all]")
    parser.add_argument("--sessions", action="store_true",
                        help="idle memory of sessions of the structured protocol, beside raw ones")
    parser.add_argument("--ticks", metavar="ROWS", nargs="?", const=ticks.ROWS,
                        help="connections of which 20 topics change in each tick; of each row the "
                        "layout (shared or rooms), the connections, the milliseconds of a tick, "
                        "the shards and, if it is not 0, the milliseconds of "
                        "timeouts.write_delay, rows separated by commas [default: %(const)s]")
    parser.add_argument("--million", action="store_true",
                        help="topics with two subscribers each, of connections with 200 of them")
    parser.add_argument("--patterns", action="store_true",
                        help="a message beside 100,000 patterns of topics")
    parser.add_argument("--hostile", action="store_true",
                        help="a fan-out while others misbehave, beside quiet ones")
    parser.add_argument("--attacks", action="store_true",
                        help="a client that behaves beside each attack of loadtest hostile, and "
                        "beside all at once, also in a control group with little memory")
    parser.add_argument("--only", metavar="NAMES",
                        help="of --attacks, separated by commas: " + ", ".join(attacks.ATTACKS))
    parser.add_argument("--before", type=pathlib.Path, metavar="PROGRAM",
                        help="of --attacks: another build, in the same rounds")
    parser.add_argument("--quick", action="store_true",
                        help="one round of small loads, to see that all works: no figures to keep")
    parser.add_argument("--rounds", type=int, metavar="N",
                        help=f"rounds of which the median is taken [default: {ROUNDS}]")
    for name, what in (("connections", "of --deflate, --tls, --even, --sessions, --million and "
                        f"--auth, whose storm has {auth.STORM_TIMES} times as many"),
                       ("messages", "of a run of --deflate and --tls; ten times as many of --auth"),
                       ("steady", "subscribers beside the storm of --auth"),
                       ("subscribers", "of --hostile"), ("seconds", "of a fan-out of --hostile, and of an attack"),
                       ("tick-count", "ticks of a run of --ticks"),
                       ("slow-headers", "of --hostile"), ("garbage-per-s", "of --hostile")):
        default = FULL[name.replace("-", "_")]
        parser.add_argument(f"--{name}", type=int, metavar="N",
                            help=f"{what} [default: {default}]")
    parser.add_argument("--payload", type=int, default=64, metavar="BYTES",
                        help="of a message of --tls [default: %(default)s]")
    for name in ("corecast", "loadtest"):
        parser.add_argument(f"--{name}", type=pathlib.Path, default=PROGRAMS / name,
                            metavar="PROGRAM", help="[default: that of the release build]")
    parser.add_argument("--timeout", type=float, default=180, metavar="SECONDS",
                        help="for one run [default: %(default)s]")
    parser.add_argument("--memory", type=float, default=6, metavar="GIB",
                        help="a server that takes more is ended and reported [default: %(default)s]")
    options = parser.parse_args()
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if not any((options.deflate, options.tls, options.even, options.auth, options.sessions,
                options.ticks, options.million, options.patterns, options.hostile,
                options.attacks)):
        parser.error("nothing to measure: ask for --deflate, --tls, --even, --auth, --sessions, "
                     "--ticks, --million, --patterns, --hostile or --attacks")
    strange = set((options.auth or auth.PARTS[0]).split(",")) - set(auth.PARTS)
    if strange:
        parser.error(f"--auth: there is no {', '.join(sorted(strange))}")
    unknown = set((options.only or attacks.ALL).split(",")) - set(attacks.ATTACKS)
    if unknown:
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}")
    return options


def main():
    options = arguments()
    all_descriptors()
    all_cpus = sorted(os.sched_getaffinity(0))
    if len(all_cpus) < 2:
        sys.exit("server and client need a CPU each")
    server_cpus = {all_cpus[0]}
    os.sched_setaffinity(0, set(all_cpus[1:]))
    print("\n".join([*about.lines(options), ""]), flush=True)
    wanted = [(options.deflate, closed.deflate), (options.tls, closed.tls),
              (options.even, accepting.even), (options.auth, auth.auth),
              (options.sessions, sessions.sessions), (options.ticks, ticks.ticks),
              (options.million, million.million), (options.patterns, patterns.patterns),
              (options.hostile, hostile.hostile),
              (options.attacks, attacks.attacks)]
    code = 0
    for is_wanted, measure in wanted:
        if is_wanted:
            try:
                print(measure(options, server_cpus), flush=True)
            except Failed as failed:
                print(f"{measure.__name__}: {failed}", file=sys.stderr)
                code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
