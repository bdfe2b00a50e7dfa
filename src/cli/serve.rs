//! The flags of `corecast serve`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{ConfigError, checked, load};
use crate::settings::Settings;

/// The flags of `corecast serve`.
///
/// Values are texts here. The table of keys checks them, so that their errors are reported together
/// with those of the file and the environment.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Configuration file; see `corecast config default` [default: CORECAST_CONFIG, or none]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address for HTTP and WebSocket, or unix:/path; port 0 takes a free port and logs it
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Address for length-prefixed TCP (4-byte big-endian length, then the message), or unix:/path
    /// [default: 127.0.0.1:9000]
    #[arg(long, value_name = "ADDR")]
    tcp: Option<String>,
    /// Topic of the TCP port: its connections publish to it and receive from it [default: lobby]
    #[arg(long, value_name = "NAME")]
    tcp_topic: Option<String>,
    /// What connections of the TCP port may do: both, publish (they receive nothing) or subscribe
    /// (a connection that publishes is closed) [default: both]
    #[arg(long, value_name = "ROLE")]
    tcp_role: Option<String>,
    /// Number of threads, each with its own event loop and limit of open files [default: one for
    /// each CPU core]
    #[arg(long, value_name = "N")]
    shards: Option<String>,
    /// What happens to a slow subscriber when the topic's log is full: drop-oldest, latest,
    /// drop-newest or disconnect [default: drop-oldest]
    #[arg(long, value_name = "POLICY")]
    slow_consumer: Option<String>,
    /// Maximum message length, up to 16MiB; a longer message closes its connection [default: 1MiB]
    #[arg(long, value_name = "SIZE")]
    max_message: Option<String>,
    /// Maximum number of connections; above it, HTTP requests get status 503 and TCP connections
    /// are closed [default: as many as the limit of open files allows]
    #[arg(long, value_name = "N")]
    max_connections: Option<String>,
    /// Address of the admin port: a dashboard, /admin/, /metrics, /livez, /readyz. Where other
    /// hosts reach it, it needs a token (CORECAST_ADMIN_TOKEN) [default: off]
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
    /// Let every client do everything, also on addresses that other hosts reach [default: false]
    #[arg(long, value_name = "SWITCH", num_args = 0..=1, default_missing_value = "true")]
    insecure: Option<String>,
}

impl Serve {
    /// The settings of file, environment and flags, with the files that they name checked.
    ///
    /// # Errors
    ///
    /// The configuration is invalid, or a file that it names cannot be used.
    pub fn checked_settings(&self) -> Result<Settings, ConfigError> {
        self.settings().and_then(checked)
    }

    /// The settings of file, environment and flags.
    ///
    /// # Errors
    ///
    /// The configuration is invalid.
    pub(in crate::cli) fn settings(&self) -> Result<Settings, ConfigError> {
        load(self.config.clone(), self.flags())
    }

    /// The flags that were given.
    fn flags(&self) -> Vec<(&'static str, String)> {
        let flags = [
            ("--http", &self.http),
            ("--tcp", &self.tcp),
            ("--tcp-topic", &self.tcp_topic),
            ("--tcp-role", &self.tcp_role),
            ("--shards", &self.shards),
            ("--slow-consumer", &self.slow_consumer),
            ("--max-message", &self.max_message),
            ("--max-connections", &self.max_connections),
            ("--admin", &self.admin),
            ("--insecure", &self.insecure),
        ];
        let given = flags.into_iter();
        given
            .filter_map(|(flag, value)| Some((flag, value.clone()?)))
            .collect()
    }
}

const EXAMPLES: &str = "\
Paths of the HTTP port:
  /                   a demo page
  /ws/{topic}         WebSocket: publish to the topic and receive from it
  /sub/{topic}        WebSocket: receive only
  /pub/{topic}        WebSocket: publish only
  /sse/{topic}        server-sent events: receive only, for EventSource and curl -N
  /api/publish, /api/broadcast, /api/batch
                      POST: publish from a backend with the API key (CORECAST_API_KEY)
  /connection/websocket
                      WebSocket: the structured protocol, for SDKs of Centrifuge
  /echo               WebSocket: the server sends every message back
  /healthz            status 200 while the server runs

Examples:
  corecast                                        serve on 127.0.0.1:8080 and 127.0.0.1:9000
  corecast serve --http 0.0.0.0:8080 --insecure   on all IPv4 addresses, for everyone
  corecast serve --tcp-topic sensors --slow-consumer latest
  CORECAST_API_KEY=secret corecast                backends with this key may publish
  corecast config default > corecast.toml         write a file with every key
  corecast serve --config corecast.toml           use this file

Signals: SIGTERM and SIGINT drain the server, which then exits with code 0; after a second one it \
exits at once, with code 1. SIGHUP (`corecast reload`) loads configuration and files again. \
RUST_LOG=corecast=debug logs the end of every connection.";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::cli::{Cli, Command};
    use crate::settings;

    /// The names of the flags of `corecast serve`.
    fn flags_of_serve() -> Vec<String> {
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        let longs = serve.get_arguments().filter_map(|arg| arg.get_long());
        longs.map(|long| format!("--{long}")).collect()
    }

    #[test]
    fn every_flag_of_a_key_is_there_and_reaches_it() {
        let flags = flags_of_serve();
        for flag in settings::flags() {
            assert!(flags.iter().any(|known| known == flag), "{flag}");
            let cli = Cli::try_parse_from(["corecast", flag, "value"]).unwrap();
            let Command::Serve(serve) = cli.into_command() else {
                panic!("serving is the default");
            };
            assert_eq!(serve.flags(), [(flag, "value".to_owned())]);
        }
        // And no other but the file's.
        assert_eq!(flags.len(), settings::flags().count() + 1, "{flags:?}");
    }
}
