//! The admin port and the log.

use std::num::NonZeroU32;
use std::time::Duration;

/// Maximum number of connections of the admin port. The next one replaces the connection whose
/// timeout ends first. A client that sends its request at once has its answer before that.
pub const ADMIN_CONNECTIONS_MAX: usize = 256;
/// A request on the admin port must be complete this long after its connection was accepted.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);
/// What a body of a request to the admin port has at most.
pub const ADMIN_BODY_BYTES_MAX: usize = 64 << 10;
/// A request that asks shards must be answered this long after it is complete.
pub const ADMIN_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that wait for shards at the same time; one more is answered with 503.
pub const ADMIN_SWEEPS_MAX: usize = 16;
/// Connections, or topics, that a shard looks at for an operator at once. With 50 ns for each, that
/// is some 10 µs; a shard does so again as long as its share of the turn lasts.
pub const ADMIN_PLACES_AT_ONCE: usize = 256;
/// Connections in one answer of a shard: the kernel is asked for the traffic of each, which takes
/// up to 2 µs.
pub const ADMIN_ROWS_PER_LOOK: usize = 100;
/// Connections or topics in one answer to an operator.
pub const ADMIN_ROWS_MAX: usize = 1_000;
/// The same, if the request does not say how many.
pub const ADMIN_ROWS: usize = 100;
/// Slowest connections in one answer.
pub const ADMIN_SLOW_MAX: usize = 100;
/// Topics of a connection that a list names.
pub const ADMIN_TOPICS_NAMED: usize = 8;
/// The same of one connection that is asked for alone: with the longest names, 255 KB.
pub const ADMIN_TOPICS_NAMED_ALONE: usize = 1_000;
/// Topics among which those with the largest numbers are searched.
pub const ADMIN_TOPICS_SORTED_MAX: usize = 10_000;
/// The rate of a topic is that since a look at least this long ago.
pub const ADMIN_RATE_SPAN: Duration = Duration::from_secs(1);
/// A topic that no look has shown for this long gives its place among those with rates to another.
pub const ADMIN_RATE_FORGOTTEN: Duration = Duration::from_secs(60);
/// Traces at the same time; one more is answered with 503.
pub const TRACES_MAX: usize = 4;
/// Events of a trace that a shard notes in one turn; more are left out, and counted.
pub const TRACE_EVENTS_PER_TURN: usize = 64;
/// What a trace shows of a message's text.
pub const TRACE_TEXT_BYTES: usize = 1_024;
/// Turns whose events wait for the admin port; more are left out, and counted.
pub const TRACE_BATCHES_MAX: usize = 256;
/// How long a trace lasts, in seconds, if the request does not say it, and at most.
pub const TRACE_SECONDS: usize = 60;
/// See [`TRACE_SECONDS`].
pub const TRACE_SECONDS_MAX: usize = 600;
/// Events of a trace, if the request does not say it, and at most.
pub const TRACE_EVENTS: usize = 1_000;
/// See [`TRACE_EVENTS`].
pub const TRACE_EVENTS_MAX: usize = 10_000;
/// What the client of a trace has not read; with more, the trace ends.
pub const TRACE_UNREAD_BYTES_MAX: usize = 1 << 20;
/// Connections that the kernel keeps for the admin port until they are accepted.
pub const ADMIN_BACKLOG: i32 = 256;
/// A shard that was woken and has no turn for this long is stuck. It is far longer than any turn,
/// and shorter than the patience of orchestrators.
pub const SHARD_STUCK_AFTER: Duration = Duration::from_secs(5);
/// Lines that wait for the reader of the log: a burst at level `debug`, some MB.
pub const LOG_LINES_MAX: usize = 8_192;
/// Maximum length of a log line in bytes.
pub const LOG_LINE_BYTES_MAX: usize = 2_048;
/// Bytes of log lines that are written in one call.
pub const LOG_BATCH_BYTES: usize = 32 << 10;
/// The program waits this long at its end for the rest of its log to be read.
pub const LOG_PATIENCE: Duration = Duration::from_secs(1);
/// Wrong tokens of the admin port that one address may send in a second, one after the other, and
/// at once. With a token of 16 random bytes, guessing is hopeless at any rate: this keeps it cheap.
pub const ADMIN_ATTEMPTS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN;
/// See [`ADMIN_ATTEMPTS_PER_SECOND`].
pub const ADMIN_ATTEMPTS_AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// Connections for which a host is examined if the configuration has no number.
pub const DOCTOR_CONNECTIONS: usize = 10_000;
/// The limit of open files that is asked for at least: the default of `fs.nr_open`.
pub const OPEN_FILES_USUAL: usize = 1 << 20;
/// Threads of the program beside its shards: balancer, admin, log, signals, drain, reload, keys,
/// revocations, and some to spare.
pub const THREADS_BESIDE_SHARDS: usize = 12;
/// Packets that should be able to wait for a CPU on which some were dropped.
pub const NETDEV_BACKLOG: usize = 10_000;
