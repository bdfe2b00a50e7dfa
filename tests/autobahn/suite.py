# Python 2.7, which is all that the suite runs on.
"""One side of the Autobahn suite: `suite.py client|server --out FILE CASES...`.

As a client it tries the server at --url. As a server it waits for the client that it judges, on a
port of its own, which it writes to FILE.port. What it found is written to FILE as JSON when all
cases are done; `judge.py` reads it. With --count, the cases that send a thousand messages send that
many.
"""
import argparse
import json
import os
import sys
import warnings

warnings.simplefilter("ignore")
from autobahntestsuite import choosereactor  # noqa: F401,E402  (before all that names a reactor)
from autobahntestsuite import fuzzing  # noqa: E402
from autobahntestsuite.case import Cases  # noqa: E402
from twisted.internet import reactor  # noqa: E402
from twisted.python import log  # noqa: E402

KEPT = ("behavior", "behaviorClose", "remoteCloseCode", "duration", "result", "resultClose")


def readable(value):
    """What JSON can carry of a value."""
    return value.decode("utf-8", "replace") if isinstance(value, str) else value


def write(path, agents):
    """Writes the verdicts on the only agent there is, by case."""
    results = {}
    for cases in agents.values():
        for case, result in cases.items():
            results[case] = dict((name, readable(result[name])) for name in KEPT)
    with open(path + ".part", "w") as file:
        json.dump(results, file, indent=1, sort_keys=True)
    os.rename(path + ".part", path)


def listen(factory, path):
    """Listens on any free port, where the suite would on a fixed one and to the whole world."""
    factory.externalPort = None
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    with open(path + ".part", "w") as file:
        file.write("%d" % port.getHost().port)
    os.rename(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=("client", "server"))
    parser.add_argument("--url", help="of the server to try")
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("cases", nargs="+")
    options = parser.parse_args()
    log.startLogging(sys.stdout)
    for case in Cases:
        if 0 < options.count < getattr(case, "COUNT", 0):
            case.COUNT = options.count

    def report(factory):
        write(options.out, factory.agents)
        # The answer to who asked for the reports goes out first.
        reactor.callLater(0.5, reactor.stop)

    # Instead of pages with every byte of every case, which take longer than the cases.
    fuzzing.FuzzingFactory.createReports = report
    spec = {"outdir": os.path.dirname(options.out), "cases": options.cases, "exclude-cases": []}
    if options.side == "client":
        spec["servers"] = [{"agent": "corecast", "url": options.url}]
        fuzzing.startClient(spec, False)
    else:
        spec["url"] = "ws://127.0.0.1:1"
        fuzzing.listenWS = lambda factory, _: listen(factory, options.out + ".port")
        fuzzing.startServer(spec, 0)
    reactor.run()


main()
