"""What the tables were taken on, and how the servers get there."""

import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tomllib

from servers import BUN, HERE, JS, ROOT

RUST_PACKAGES = ("axum", "fastwebsockets", "tokio", "tokio-tungstenite")


def setup():
    """Installs and builds all servers from what their registries hold; the exit code."""
    steps = [
        (ROOT, ["cargo", "build", "--locked", "--release", "--workspace"]),
        (HERE / "rust", ["cargo", "build", "--locked", "--release"]),
    ]
    if shutil.which("npm"):
        steps.append((JS, ["npm", "ci", "--no-fund", "--no-audit"]))
    else:
        print("there is no npm: without bun and ws")
    for folder, command in steps:
        print(f"{os.path.relpath(folder)}: {' '.join(command)}", flush=True)
        done = subprocess.run(command, cwd=folder, check=False)
        if done.returncode != 0:
            return done.returncode
    if BUN.exists() and said([str(BUN), "--version"]) == "?":
        # npm was told not to run what packages do after their installation.
        return subprocess.run(["node", "node_modules/bun/install.js"], cwd=JS,
                              check=False).returncode
    return 0


def lines(options):
    """The host, the versions and the day, as lines of Markdown."""
    day = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    about = [f"Taken on {day} on {cpu_name()} ({os.cpu_count()} CPUs), Linux "
             f"{platform.release()}; medians of {options.rounds} rounds with the least and the "
             "greatest, ratios of runs of the same round.",
             "", ", ".join(f"{name} {version}" for name, version in versions().items()) + "."]
    if options.quick:
        about += ["", "**A quick run: small loads, no figures to keep.**"]
    return about


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def versions():
    """Of all that is compared, as far as it is installed."""
    found = {"corecast": said(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])}
    found["rustc"] = said(["rustc", "--version"]).removeprefix("rustc ").split(" ")[0]
    lock = tomllib.loads((HERE / "rust" / "Cargo.lock").read_text(encoding="utf-8"))
    for package in lock["package"]:
        if package["name"] in RUST_PACKAGES:
            # The newest, where another package brings an older one along.
            found[package["name"]] = package["version"]
    found["bun"] = said([str(BUN), "--version"])
    found["node"] = said(["node", "--version"]).removeprefix("v")
    manifest = JS / "node_modules" / "ws" / "package.json"
    if manifest.exists():
        found["ws"] = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    return found


def said(command):
    """What a program answers, `?` if it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "?"
    return done.stdout.strip() or "?"
