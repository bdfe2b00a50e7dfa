//! The flags of `floor` and their help.

use std::net::SocketAddrV4;

use clap::{Args, ValueEnum};

/// A yardstick server: an array of descriptors and a loop of send, or a bare echo.
///
/// One thread, one topic whatever the path. /pub/... does not receive, /sub/... and /ws/... do;
/// TCP connections do both. Prints `listening http ADDR`, `listening tcp ADDR` and `pid PID` on
/// stdout. Ends on SIGTERM.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  loadtest floor --http 127.0.0.1:0 --mode fanout --call inline")]
pub(crate) struct FloorArgs {
    /// Address for WebSocket; port 0 takes a free one.
    #[arg(long, required_unless_present = "tcp")]
    pub(crate) http: Option<SocketAddrV4>,
    /// Address for length-prefixed TCP; port 0 takes a free one.
    #[arg(long)]
    pub(crate) tcp: Option<SocketAddrV4>,
    /// What it does.
    #[arg(long, value_enum, default_value_t = FloorMode::Fanout)]
    pub(crate) mode: FloorMode,
    /// How send is called.
    #[arg(long, value_enum, default_value_t = Call::Inline)]
    pub(crate) call: Call,
    /// Accepts WebSocket connections only once their request has come, tcp(7) `TCP_DEFER_ACCEPT`.
    #[arg(long)]
    pub(crate) defer_accept: bool,
    /// TCP connections publish and do not receive.
    #[arg(long)]
    pub(crate) tcp_publish_only: bool,
    /// Lies once, so that tests see it found out.
    #[arg(long, value_enum, hide = true)]
    pub(crate) fault: Option<Fault>,
}

/// What a floor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloorMode {
    /// One send per subscriber and message.
    Fanout,
    /// Read what is pending, then one send per subscriber of all of it.
    Batch,
    /// Send back what came.
    Echo,
}

/// How a floor calls send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Call {
    /// Through libc's function, as a C program does.
    Libc,
    /// The system call instruction in the loop itself.
    Inline,
}

/// What a floor does to one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Never sends it.
    Drop,
    /// Sends it twice.
    Duplicate,
    /// Sends it after the next one.
    Swap,
    /// Changes one byte.
    Corrupt,
}
