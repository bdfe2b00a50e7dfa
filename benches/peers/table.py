"""Medians, spreads and ratios, as Markdown."""

import statistics

from servers import FLOOR

# Percent that is shown as 100.0.
WHOLE = 99.95


def spread(values, digits):
    """The median with the least and the greatest of several."""
    if not values:
        return "-"
    text = f"{statistics.median(values):,.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):,.{digits}f} to {max(values):,.{digits}f})"
    return text


def ratios(runs, floors, head):
    """Of the figures of one server to the floor's of the same round, where both delivered all."""
    runs = [run for run in runs if is_whole(run["figures"])]
    floors = {number: figures for number, figures in floors.items() if is_whole(figures)}
    pairs = [(run["figures"].get(head), floors.get(run["round"], {}).get(head)) for run in runs]
    return [figure / floor for figure, floor in pairs if figure is not None and floor]


def is_whole(figures):
    """Whether nothing was left undelivered, where that may be."""
    return figures.get("delivered, %", 100) >= WHOLE


def notes(runs, counted):
    """What was wrong with runs, each thing once."""
    seen = {note: None for run in runs for note in run["notes"]}
    text = f"{len(counted)} of {len(runs)} runs count" if len(counted) < len(runs) else ""
    return "; ".join(filter(None, [text, *seen]))


def scenario_table(scenario, servers, runs):
    """One load as lines of Markdown."""
    heads = ["server"]
    for figure in scenario.figures:
        heads.append(figure.head)
        if figure.has_ratio and scenario.floor_mode:
            heads.append("to the floor")
    heads.append("notes")
    lines = [f"### {scenario.title}", "", row(heads), row(["---"] * len(heads))]
    of_scenario = [run for run in runs if run["scenario"] == scenario.key]
    floors = {run["round"]: run["figures"] for run in of_scenario
              if run["server"] == FLOOR and run["counts"]}
    for server in servers:
        own = [run for run in of_scenario if run["server"] == server]
        if not own:
            continue
        counted = [run for run in own if run["counts"]]
        lines.append(row([server, *cells(scenario, own, counted, floors), notes(own, counted)]))
    return [*lines, ""]


def cells(scenario, own, counted, floors):
    """The figures of one server; in brackets where no run counts."""
    found = []
    for figure in scenario.figures:
        values = [run["figures"].get(figure.head) for run in counted or own]
        text = spread([value for value in values if value is not None], figure.digits)
        found.append(text if counted or text == "-" else f"[{text}]")
        if figure.has_ratio and scenario.floor_mode:
            found.append(spread(ratios(counted, floors, figure.head), 2))
    return found


def row(words):
    return "| " + " | ".join(words) + " |"


def whole(scenarios, servers, runs, about):
    """All tables with what they were taken on."""
    lines = [*about, ""]
    for scenario in scenarios:
        if any(run["scenario"] == scenario.key for run in runs):
            lines += scenario_table(scenario, servers, runs)
    return "\n".join(lines)
