"""Identity and permission: what tokens, rules and users cost beside a server without them."""

import pathlib
import subprocess
import tempfile
import time

import bench
import settings
from closed import folder_of, rounds
from servers import Failed, Server

PARTS = ("accept", "storm", "rules", "publish", "memory")
NONE, HS256, RS256, ES256, EDDSA = "without identity", "HS256", "RS256", "ES256", "EdDSA"
ONE_TOKEN = "ES256, one token for all"
USERS = "user and token of 400 B"
WITH_RULES = "tokens and rules"
# How openssl makes a key of each kind.
KEYS = {
    RS256: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ES256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    EDDSA: ["-algorithm", "ED25519"],
}
SECRET = "0123456789abcdef0123456789abcdef"
# Different tokens of a run; connections take them in turn.
TOKENS = 1_000
TOKEN_BYTES = 400
# The one that allows comes last.
RULES = ["deny anyone all internal/#", "users all device/{user}/#", "key:backend publish #",
         "users subscribe team/{claim.team}/+", "users subscribe+publish {id}"]
STORM_SHARDS = 4
# A storm has so many times the connections of the other loads.
STORM_TIMES = 5
STORM_RATE = 100
PUBLISHES = 20_000
PUBLISH_RATE, PUBLISH_S = 50_000, 3
HOLD_S, SAMPLE_S = 4, 0.2
# Memory is that of so many samples before the end, when all has come to rest and nothing closes.
SAMPLES_BEFORE_END = 6

ACCEPT = [
    bench.Column("server CPU per open and upgrade, us", "accept", 2, has_ratio=True),
    bench.Column("opened per s", "rate", 0),
]
STORM = [
    bench.Column("came back", "again", 0),
    bench.Column("steady p99 during, ms", "during", 1, has_ratio=True),
    bench.Column("before, ms", "before", 1),
    bench.Column("all back after, s", "back", 2),
    bench.Column("server CPU per reconnect, us", "cpu", 1),
]
DELIVERY = [bench.Column("server CPU per delivery, us", "cpu", 3, has_ratio=True)]
PUBLISH = [bench.Column("server CPU per publish, us", "cpu", 2, has_ratio=True)]
MEMORY = [bench.Column("anonymous memory per idle connection, B", "memory", 0)]


class Guarded:
    """A server with identities: its command, and a file with tokens of its users."""

    def __init__(self, options, folder, name, *, shards=1, tokens=TOKENS, length=None,
                 topics=()):
        self.folder, self.corecast = pathlib.Path(folder_of(folder, "auth")), options.corecast
        lines = ["rules = [" + ", ".join(f'"{rule}"' for rule in RULES) + "]"]
        self.sign = []
        if name in KEYS:
            key, public = self.folder / "private.pem", self.folder / "public.pem"
            tool("openssl", "genpkey", *KEYS[name], "-out", key)
            tool("openssl", "pkey", "-in", key, "-pubout", "-out", public)
            lines += [f'public_keys = ["{public}"]']
            self.sign = ["--key", key]
        else:
            lines += [f'hmac_secret = "{SECRET}"']
        self.command, self.needs = settings.command(options.corecast, self.folder, shards=shards,
                                                    auth=lines, topics=topics)
        pad = []
        if length:
            # Base64 makes four characters of three, and the claim has its name.
            missing = length - len(self.create().split()[0])
            pad = ["--claim", "pad=" + "x" * (missing * 3 // 4 - len(',"pad":""'))]
        self.tokens = self.folder / "tokens.txt"
        self.tokens.write_text(self.create("--count", tokens, *pad), encoding="utf-8")

    def create(self, *flags):
        return tool(self.corecast, "token", "create", "--config", self.folder / "corecast.toml",
                    "--user", "user-{number}", "--expires", "24h", *self.sign, *flags)


def tool(*command):
    """What a program says; or why it failed."""
    try:
        return subprocess.run(bench.words(command), check=True, capture_output=True,
                              text=True).stdout
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        raise Failed(f"{command[0]}: {error.stderr.strip()}") from error


def open_server(options, folder, shards=1):
    """A server without identity: its command, what it says, and the flags of its clients."""
    command, needs = settings.command(options.corecast, folder_of(folder, "open"), shards=shards)
    return command, needs, []


def guarded_server(*args, **kwargs):
    guarded = Guarded(*args, **kwargs)
    return guarded.command, guarded.needs, ["--token-file", guarded.tokens]


def measured(options, cpus, servers, read):
    """Rounds over servers by row; `read` gives the figures of one run."""
    def run(name):
        command, needs, flags = servers[name]
        try:
            with Server(command, cpus, options.memory * 2**30, needs) as server:
                return read(server, flags)
        except Failed as failed:
            return {}, [str(failed)]

    return rounds(options, list(servers), run)


def of_load(options, server, words, figures):
    """The figures of a run of the load generator, if it passed."""
    raw = bench.load(options, words, server)
    if not raw["passed"]:
        return {}, [f"failed: {raw['opening']['failures'] or raw['opening']}"]
    return figures(raw), []


def accept(options, cpus):
    """Connections opened as fast as they are taken."""
    with tempfile.TemporaryDirectory() as folder:
        servers = {NONE: open_server(options, folder)}
        for name in (HS256, RS256, ES256, EDDSA):
            servers[name] = guarded_server(options, folder, name)
        servers[ONE_TOKEN] = guarded_server(options, folder, ES256, tokens=1)

        def read(server, flags):
            words = ["connect", "--url", f"ws://{server.address}/sub/{{topic}}",
                     "-n", options.connections, "--hold", "0s", *flags]
            return of_load(options, server, words, lambda raw: {
                "accept": raw["server"]["cpu_us_per_connection"],
                "rate": raw["opening"]["opened_per_s"]})

        found = measured(options, cpus, servers, read)
    title = f"Tokens: {options.connections:,} connections opened, one shard"
    return bench.markdown(title, ACCEPT, list(servers), found)


def storm(options, cpus):
    """Many come back at once, with and without tokens, beside steady subscribers."""
    connections = STORM_TIMES * options.connections
    with tempfile.TemporaryDirectory() as folder:
        servers = {NONE: open_server(options, folder, STORM_SHARDS),
                   ES256: guarded_server(options, folder, ES256, shards=STORM_SHARDS)}

        def read(server, flags):
            words = ["storm", "--url", f"ws://{server.address}/sub/{{topic}}", "-n", connections,
                     "--steady", options.steady, "--rate", STORM_RATE, *flags]
            return of_load(options, server, words, lambda raw: {
                "during": raw["steady"]["latency_during"]["p99_us"] / 1000,
                "before": raw["steady"]["latency_before"]["p99_us"] / 1000,
                "again": raw["rounds"][0]["live_again"],
                "back": raw["rounds"][0]["all_live_s"],
                "cpu": raw["rounds"][0]["server_cpu_us_per_connection"]})

        found = measured(options, cpus, servers, read)
    title = (f"A storm of {connections:,} reconnects beside {options.steady:,} steady subscribers "
             f"with {STORM_RATE} messages/s, {STORM_SHARDS} shards")
    return bench.markdown(title, STORM, list(servers), found)


def rules(options, cpus):
    """Messages to many on topics that a rule allows, beside a server without rules."""
    subscribers, messages = options.connections // 5, 10 * options.messages
    title = f"Rules, fan-out: {messages:,} messages to {subscribers:,} subscribers"
    return with_rules(options, cpus, title, DELIVERY, "-n", subscribers, "-m", messages)


def publish(options, cpus):
    """The same with one subscriber, for what it costs to publish."""
    publishes = PUBLISHES * options.messages // 30
    title = f"Rules, publish: {publishes:,} messages to one subscriber, each after the one before"
    after = with_rules(options, cpus, title, PUBLISH, "-n", 1, "-m", publishes)
    title = f"Rules, publish: {PUBLISH_RATE:,} messages/s to one subscriber for {PUBLISH_S} s"
    scheduled = with_rules(options, cpus, title, PUBLISH, "-n", 1, "--rate", PUBLISH_RATE,
                           "--duration", PUBLISH_S)
    return "\n".join([after, scheduled])


def with_rules(options, cpus, title, columns, *load):
    """The table of a fan-out with rules and without."""
    with tempfile.TemporaryDirectory() as folder:
        servers = {NONE: open_server(options, folder),
                   WITH_RULES: guarded_server(options, folder, HS256)}

        def read(server, flags):
            words = ["fanout", "--url", f"ws://{server.address}/sub/{{topic}}", *load, *flags]
            return of_load(options, server, words, lambda raw: {
                "cpu": raw["server"]["cpu_us_per_message"]})

        found = measured(options, cpus, servers, read)
    return bench.markdown(title, columns, list(servers), found)


def memory(options, cpus):
    """Connections that do nothing, each with a user and a token of its own."""
    connections = options.connections
    with tempfile.TemporaryDirectory() as folder:
        servers = {NONE: open_server(options, folder),
                   USERS: guarded_server(options, folder, HS256, tokens=connections,
                                         length=TOKEN_BYTES)}

        def read(server, flags):
            before = anonymous_bytes(server)
            words = [options.loadtest, "connect", "--url", f"ws://{server.address}/sub/{{topic}}",
                     "-n", connections, "--hold", f"{HOLD_S}s", "--quiet", *flags]
            samples = []
            with subprocess.Popen(bench.words(words), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) as client:
                while client.poll() is None:
                    samples.append(anonymous_bytes(server))
                    time.sleep(SAMPLE_S)
                if client.returncode != 0 or len(samples) < SAMPLES_BEFORE_END:
                    last = client.stderr.read().strip().splitlines()
                    return {}, [f"failed: {last[-1] if last else 'not all became live'}"]
            grown = samples[-SAMPLES_BEFORE_END] - before
            return {"memory": grown / connections}, []

        found = measured(options, cpus, servers, read)
    title = f"Idle memory: {connections:,} connections, each with a user of its own, one shard"
    return bench.markdown(title, MEMORY, list(servers), found)


def anonymous_bytes(server):
    """Memory of the server that is not of files, proc_pid_smaps(5)."""
    text = pathlib.Path(f"/proc/{server.pid}/smaps_rollup").read_text(encoding="ascii")
    lines = [line for line in text.splitlines() if line.startswith("Anonymous:")]
    return int(lines[0].split()[1]) * 1024


def auth(options, cpus):
    """The tables that were asked for."""
    parts = {"accept": accept, "storm": storm, "rules": rules, "publish": publish,
             "memory": memory}
    return "\n".join(parts[part](options, cpus) for part in options.auth.split(","))
