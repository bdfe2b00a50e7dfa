"""The server's own numbers, from its admin port: how long turns of its event loops took."""

import re
import urllib.request

SCRAPE_S = 5
TURNS = "corecast_turn_seconds_bucket"
CONNECTIONS = "corecast_connections"


def scrape(address):
    """All samples as pairs of a name with its labels, and a number."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=SCRAPE_S) as answer:
        text = answer.read().decode()
    found = re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)", text, re.MULTILINE)
    return [(name, labels, float(value)) for name, labels, value in found]


def connections(address):
    """How many there are now."""
    return sum(value for name, _, value in scrape(address) if name == CONNECTIONS)


def turns(address):
    """Turns until now, by the upper bound in seconds; each bound counts those below it as well."""
    found = {}
    for name, labels, value in scrape(address):
        if name == TURNS and (bound := re.search(r'\ble="([^"]+)"', labels)):
            found[float(bound[1])] = found.get(float(bound[1]), 0) + value
    return found


def quantile(before, after, share):
    """The bound, in microseconds, that so many of the turns between two readings were below."""
    counts = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    wanted = share * max(counts.values(), default=0)
    return next((bound * 1e6 for bound, count in counts.items() if wanted and count >= wanted),
                None)
