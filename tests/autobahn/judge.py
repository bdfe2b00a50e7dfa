#!/usr/bin/env python3
"""Judges what the Autobahn suite found, and says it in a table.

    judge.py --expected 517 server=server.json client=client.json [--write docs/AUTOBAHN.md]

Every case must be OK or INFORMATIONAL, and closed as it should be. Ends with 1 if one is not, or
has no result. `--expected 0` takes any number of results.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

FINE = ("OK", "INFORMATIONAL")
GROUPS = {
    1: "framing",
    2: "pings and pongs",
    3: "reserved bits",
    4: "opcodes",
    5: "fragmentation",
    6: "UTF-8",
    7: "closing",
    9: "limits and performance",
    10: "miscellaneous",
    12: "compression, by size of message",
    13: "compression, by parameters",
}


PAGE = """# The Autobahn suite

The [Autobahn test suite](https://github.com/crossbario/autobahn-testsuite), version 25.10.1, as published: its fuzzing client against the server's `/echo`, its fuzzing server against `corecast::client`.
Every case is OK or INFORMATIONAL, and every connection closed as it should be. The informational ones (7.1.6, 7.13) have no right or wrong.

`.ci/autobahn all` runs it and writes this page ({date}, corecast {version}, {compiler}); `.ci/autobahn` runs what takes a minute, as `.ci/run` does.

{table}
"""


def group(case: str) -> int:
    return int(case.split(".")[0])


def order(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def is_fine(result: dict) -> bool:
    return all(result[verdict] in FINE for verdict in ("behavior", "behaviorClose"))


def table(roles: dict[str, dict]) -> list[str]:
    """A line for each group and one for all: cases, and how many were what, for each role."""
    lines = [
        "| group | " + " | ".join(f"{role}: cases | OK | informational" for role in roles) + " |",
        "|---|" + "--:|--:|--:|" * len(roles),
    ]
    groups = sorted({group(case) for results in roles.values() for case in results})
    for number in [*groups, None]:
        cells = [f"{number} {GROUPS.get(number, '')}" if number else "**all**"]
        for results in roles.values():
            of_group = [r for case, r in results.items() if number in (None, group(case))]
            count = lambda verdict: sum(result["behavior"] == verdict for result in of_group)
            cells += [str(len(of_group)), str(count("OK")), str(count("INFORMATIONAL"))]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def page(lines: list[str]) -> str:
    manifest = Path("Cargo.toml").read_text()
    version = manifest.split('version = "')[1].split('"')[0]
    said = lambda *command: subprocess.check_output(command, text=True).strip()
    compiler = " ".join(said("rustc", "--version").split()[:2])
    date = said("date", "--utc", "+%Y-%m-%d")
    return PAGE.format(date=date, version=version, compiler=compiler, table="\n".join(lines))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", metavar="ROLE=FILE")
    parser.add_argument("--expected", type=int, required=True, help="cases of each role")
    parser.add_argument("--write", type=Path, help="a page to write the table to")
    options = parser.parse_args()
    roles, is_good = {}, True
    for item in options.results:
        role, _, file = item.partition("=")
        results = roles[role] = json.loads(Path(file).read_text())
        for case in sorted(results, key=order):
            result = results[case]
            if not is_fine(result):
                is_good = False
                print(f"{role} {case}: {result['behavior']}, close {result['behaviorClose']}: "
                      f"{result['result']} {result['resultClose']}")
        if options.expected not in (0, len(results)):
            is_good = False
            print(f"{role}: {len(results)} of {options.expected} cases have a result")
    lines = table(roles)
    print("\n".join(lines))
    if is_good and options.write:
        options.write.write_text(page(lines))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
