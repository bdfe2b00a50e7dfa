//! docs/DOCTOR.md, from the table.

use crate::doctor::checks;

/// The page.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    for check in checks::all() {
        let cell = |text: &str| text.replace('|', "\\|");
        text += &format!(
            "| `{}` | {} | {} | {} | {} |\n",
            check.name,
            cell(check.what),
            cell(check.why),
            cell(check.read),
            cell(check.source)
        );
    }
    text + TAIL
}

const HEAD: &str = "\
# What a host must allow

`corecast doctor` reads the limits of the host, and compares them with what a number of \
connections needs.

```console
corecast doctor --connections 100000                        # what stands in the way
corecast doctor --connections 100000 --config corecast.toml # with the shards and ports of a file
corecast doctor --connections 100000 --json                 # for programs
sudo corecast doctor --connections 100000 --fix             # writes the settings into /etc
corecast doctor --connections 100000 --fix --out DIR        # writes them below another folder
```

Without `--connections`, it is `limits.connections`, or 10,000 if that is `auto`.
Run it as the user of the server and, where there are any, in its container or unit: limits of \
open files and control groups are those of the process that reads them.
Free memory is what is free now, so run it while the server is stopped.

| severity | meaning | exit code |
|---|---|---|
| ok, note | nothing stands in the way; a note is good to know | 0 |
| warning | the server is slower than it could be, or fails under some load | 1 |
| fault | the server does not get as far as its number of connections | 3 |

The exit code is 2 if `doctor` cannot run: a flag or the configuration is wrong, or a file cannot \
be written. With `--fix`, only what the files do not set counts for the exit code.

A server whose `limits.connections` is set warns of all faults when it starts.

## Files

`--fix` writes these files below `/etc`, or below `--out`, and says what to run afterwards:

| file | has |
|---|---|
| `sysctl.d/60-corecast.conf` | kernel settings |
| `security/limits.d/60-corecast.conf` | the limit of open files for logins, if it is too low |
| `systemd/system/corecast.service.d/60-corecast.conf` | the same for the service, and other lines \
of its unit |

A value is never lower than the host's. A file of that name that `doctor` has not made stays as \
it is, and `doctor` says so. Limits of CPU time and memory are yours: `--fix` does not raise them.

`corecast doctor --sysctl` prints the first file as it is for any host; \
[sysctl/60-corecast.conf](../sysctl/60-corecast.conf) is that for 1,000,000 connections.

## Checks

| check | what it is | otherwise | read from | documented in |
|---|---|---|---|---|
";

const TAIL: &str = "
A check that the host says nothing about is left out. `corecast doctor --page` writes this page.

## What needs no change

- `net.ipv4.tcp_rmem` and `net.ipv4.tcp_wmem`: buffers grow with use, and an idle socket has \
none. corecast itself limits what the kernel keeps for a slow reader: its listeners set \
`TCP_NOTSENT_LOWAT` to 16 KiB for every connection.
- A wider `net.ipv4.ip_local_port_range`: a server needs no local ports.
- `net.ipv4.tcp_fin_timeout`, `tcp_tw_reuse`, `tcp_max_tw_buckets`: a connection that has ended \
takes some hundred bytes for a minute, and no descriptor.
- `vm.max_map_count`, `kernel.threads-max`: a server has some threads for each core, and no more \
maps for more connections.
";
