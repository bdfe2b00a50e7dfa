"""What all three benches have in common: runs of the load generator, and tables."""

import json
import pathlib
import subprocess
import tempfile
import typing

import table
from servers import Failed

NO_PROGRESS_S = 20
# Where the client takes more of its time, a run measures the client.
BUSY_MAX = 0.95


class Column(typing.NamedTuple):
    """A figure of each row: its head, its key in what a run found, digits after the point."""

    head: str
    key: str
    digits: int
    # Whether it is also given as a ratio to the first row of the same round.
    has_ratio: bool = False


def words(command):
    return [str(word) for word in command]


def load(options, flags, server):
    """One run of the load generator to its end; its figures."""
    with tempfile.TemporaryDirectory() as folder:
        figures = pathlib.Path(folder) / "figures.json"
        command = [options.loadtest, *flags, "--server-pid", server.pid, "--quiet",
                   "--timeout", NO_PROGRESS_S, "--json", figures]
        try:
            run = subprocess.run(words(command), timeout=options.timeout, capture_output=True,
                                 text=True, check=False)
        except subprocess.TimeoutExpired as expired:
            raise Failed(server.ended() or f"not done within {options.timeout:g} s") from expired
        return read(figures, run.stderr or run.stdout, server)


def read(figures, said, server):
    """The figures that a run wrote, or why there are none."""
    gone = server.ended()
    if gone or not figures.exists():
        last = said.strip().splitlines()
        raise Failed(gone or f"no figures: {last[-1] if last else 'it said nothing'}")
    return json.loads(figures.read_text(encoding="utf-8"))


def fanout(raw):
    """The figures of a fan-out that the tables have, and what is to be said about it. One that
    failed has no figures."""
    if not raw["passed"]:
        opening, deliveries = raw["opening"], raw["deliveries"]
        return {}, [f"failed: {deliveries['got']:,} of {deliveries['expected']:,} deliveries, "
                    f"{opening['live']:,} of {opening['connections']:,} connections"]
    notes = []
    if raw["client"]["busy_share"] > BUSY_MAX:
        notes.append("the client was the bottleneck")
    memory = raw["server_memory"] or {}
    figures = {
        "cpu": raw["server"]["cpu_us_per_message"],
        "user": raw["server"]["user_us_per_message"],
        "memory": memory.get("pss_slope_bytes_per_connection"),
        "payload": raw["payload_bytes"],
        "compressed": raw["compressed_bytes"],
        "p50": raw["latency"]["p50_us"] / 1000,
        "p99": raw["latency"]["p99_us"] / 1000,
    }
    return figures, notes


def markdown(title, columns, rows, rounds):
    """A table of medians; `rounds` are lists of `(figures, notes)` by the name of the row."""
    heads = ["", *(head for column in columns for head in heads_of(column, rows)), "notes"]
    lines = [f"### {title}", "", table.row(heads), table.row(["---"] * len(heads))]
    for name in rows:
        runs = rounds[name]
        cells = [name]
        for column in columns:
            values = [figures.get(column.key) for figures, _ in runs]
            values = [value for value in values if value is not None]
            cells.append(table.spread(values, column.digits))
            if column.has_ratio:
                cells.append(table.spread(ratios(runs, rounds[rows[0]], column.key), 2))
        notes = {note: None for _, notes in runs for note in notes}
        lines.append(table.row([*cells, "; ".join(notes)]))
    return "\n".join([*lines, ""])


def heads_of(column, rows):
    return [column.head, f"to {rows[0]}"] if column.has_ratio else [column.head]


def ratios(runs, firsts, key):
    """Of the runs of a row to those of the first row in the same rounds."""
    pairs = [(own.get(key), first.get(key)) for (own, _), (first, _) in zip(runs, firsts)]
    return [own / first for own, first in pairs if own is not None and first]
