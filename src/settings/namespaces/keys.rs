//! The keys about topics: once for `[topics]` and once for `[[namespace]]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::limits::{
    FLUSH_MAX, FLUSH_MIN, HISTORY_BYTES_CEILING, HISTORY_ENTRIES_CEILING, HISTORY_TTL_CEILING,
    TOPIC_BYTES_MAX,
};
use crate::settings::Settings;
use crate::settings::field::Field;
use crate::settings::keys::Key;
use crate::settings::namespaces::Namespace;

/// The subject of namespaces.
pub(in crate::settings) const NAMESPACES: &str = "\
Topics with settings of their own: one table for each namespace. A namespace has either a `name` \
or a `pattern`. If several match a topic, the first of them in the file applies. Variables can \
change namespaces, or add others after those of the file.";

/// What goes before the names of the keys of `[topics]` that namespaces have.
pub(in crate::settings) const INHERITED: &str = "\
A namespace has these keys as well, with variables such as `CORECAST_NAMESPACE_<n>_HISTORY_SIZE`. \
If it does not set a key, the value of `[topics]` applies: ";

/// What goes behind them.
pub(in crate::settings) const EXAMPLE: &str = "
Here, topics such as `match:7` keep their last 300 messages for a minute, and a new subscriber \
of `device/7/state` gets the newest message of each key first:

```toml
[[namespace]]
name = \"match\"
history_size = 300
history_ttl = \"1m\"

[[namespace]]
pattern = \"device/+/state\"
history_size = 100
keys = true
```
";

/// The list of keys, each with a prefix before its name, and its field in the `topics` of a type;
/// before them, keys that only this type has.
macro_rules! topic_keys {
    ($of:ty, $prefix:literal $(, $own:expr)* $(,)?) => {
        &[
            $($own,)*
            Key::new(
                concat!($prefix, "slow_consumer"),
                Field::Choice(|s: &mut $of| &mut s.topics.slow_consumer),
                "What happens to a subscriber whose socket takes no more bytes when the topic's \
                 log is full. `drop-oldest`: it continues with the oldest message in the log. \
                 `latest`: each time that its socket was full, it continues with the newest \
                 message, even if the log was not full. `drop-newest`: it still receives the \
                 messages in the log, and misses those published until it has caught up. \
                 `disconnect`: it is closed.",
            )
            .flag("--slow-consumer"),
            Key::new(
                concat!($prefix, "history_size"),
                Field::CountOr(
                    |s: &mut $of| &mut s.topics.history_size,
                    1..=HISTORY_ENTRIES_CEILING,
                    "off",
                ),
                "Maximum number of messages that the home shard of a topic keeps in its history. \
                 Each message then has a position. A subscriber that reconnects with the position \
                 of its last message receives what it missed. With `off`, there is no history, and \
                 messages have no positions.",
            ),
            Key::new(
                concat!($prefix, "history_bytes"),
                Field::Size(
                    |s: &mut $of| &mut s.topics.history_bytes,
                    1..=HISTORY_BYTES_CEILING,
                ),
                "Maximum size of all messages together in the history of a topic. Above it, the \
                 oldest are dropped; the newest message is kept even if it alone is larger.",
            ),
            Key::new(
                concat!($prefix, "history_ttl"),
                Field::Time(|s: &mut $of| &mut s.topics.history_ttl, KEPT),
                "Time for which a message is kept in the history, at most.",
            ),
            Key::new(
                concat!($prefix, "history_meta_ttl"),
                Field::TimeOr(|s: &mut $of| &mut s.topics.history_meta_ttl, KEPT, "auto"),
                "Time for which a topic's position is kept after its last message. A subscriber \
                 that reconnects later learns that it may have missed messages (a gap). The \
                 minimum is `history_ttl`; `auto` is one hour more than that.",
            ),
            Key::new(
                concat!($prefix, "keys"),
                Field::Switch(|s: &mut $of| &mut s.topics.keys),
                "Whether the history keeps only the newest message of each key, and the newest \
                 message without a key. A publisher sets the key of a message.",
            ),
            Key::new(
                concat!($prefix, "first"),
                Field::First(|s: &mut $of| &mut s.topics.first),
                "What a new subscriber first receives of the history, if it does not ask for \
                 something else: `nothing`, `last` (the newest message), `all`, or a number of the \
                 newest messages. `auto` is `all` with `keys`, and `nothing` otherwise.",
            ),
            Key::new(
                concat!($prefix, "flush"),
                Field::TimeOr(|s: &mut $of| &mut s.topics.flush, TICKS, "off"),
                "Time between two ticks of a topic. Messages wait at the topic's home for its next \
                 tick and go out together, so that a subscriber gets one write for all of them. At \
                 most 1,024 messages of a topic wait, and at most 4 MiB on each shard; with one \
                 more, the messages of its topic go out before the tick. With `off`, each message \
                 goes out at once. A message gets its position, and its place in the history, when \
                 it goes out.",
            ),
            Key::new(
                concat!($prefix, "flush_latest"),
                Field::Switch(|s: &mut $of| &mut s.topics.flush_latest),
                "Whether only the newest message of each key goes out at a tick (`flush`), and the \
                 newest message without a key. The older ones are dropped, and the history does \
                 not keep them. This is for topics whose messages are complete states.",
            ),
            Key::new(
                concat!($prefix, "presence"),
                Field::Switch(|s: &mut $of| &mut s.topics.presence),
                "Whether the home shard of a topic knows which connections are subscribed, and of \
                 which users they are. The counts are exact; a list has at most 1,000 of them. \
                 After a reload, a topic that has subscribers gets presence when all have left.",
            ),
            Key::new(
                concat!($prefix, "join_leave"),
                Field::Switch(|s: &mut $of| &mut s.topics.join_leave),
                "Whether subscribers of the structured protocol that ask for it, and have the \
                 right `presence`, are notified when another one joins or leaves. Each join is a \
                 message to all of them, so this is for topics with tens of subscribers, not \
                 thousands.",
            ),
            Key::new(
                concat!($prefix, "force_push_join_leave"),
                Field::Switch(|s: &mut $of| &mut s.topics.force_push_join_leave),
                "Whether all subscribers of the structured protocol are notified of joins and \
                 leaves, even if they do not ask for it.",
            ),
            Key::new(
                concat!($prefix, "force_recovery"),
                Field::Switch(|s: &mut $of| &mut s.topics.force_recovery),
                "Whether every subscription of the structured protocol can be recovered, even if \
                 the client does not ask for it: after a reconnect it receives what it missed.",
            ),
            Key::new(
                concat!($prefix, "force_positioning"),
                Field::Switch(|s: &mut $of| &mut s.topics.force_positioning),
                "Whether every subscriber of the structured protocol is notified of gaps, even if \
                 it does not ask for it.",
            ),
            Key::new(
                concat!($prefix, "subscribers_max"),
                Field::CountOr(
                    |s: &mut $of| &mut s.topics.subscribers_max,
                    1..=u32::MAX as usize,
                    "off",
                ),
                "Maximum number of connections that are subscribed to a topic at the same time, on \
                 the whole server. One more is answered with 503, with the error 106 over the \
                 structured protocol, or closed over TCP. A subscriber that has left may count for \
                 some milliseconds more. If SIGHUP sets a first maximum for a topic that has \
                 subscribers, it holds once all of them have left.",
            ),
            Key::new(
                concat!($prefix, "exclude_publisher"),
                Field::Switch(|s: &mut $of| &mut s.topics.exclude_publisher),
                "Whether a connection that publishes to a topic and is subscribed to it does not get \
                 its own messages. It gets them nevertheless if it gets what it has missed out of \
                 the topic's history.",
            ),
            Key::new(
                concat!($prefix, "delta"),
                Field::Switch(|s: &mut $of| &mut s.topics.delta),
                "Whether subscribers of the structured protocol that ask for `delta: \"fossil\"` get \
                 of each message what has changed since the one before it, where that is shorter. \
                 This is for topics whose messages resemble each other and have at most 64 KiB: \
                 longer ones are sent whole, and what is sent to these subscribers is not \
                 compressed.",
            ),
            Key::new(
                concat!($prefix, "local"),
                Field::Switch(|s: &mut $of| &mut s.topics.local),
                "Whether a topic is of this server alone, although servers share topics through a \
                 backplane. Its messages reach only subscribers of this server, which then needs \
                 no other program for them. Without a backplane, all topics are local. A change \
                 needs a restart.",
            ),
        ]
    };
}

/// The keys of the section `topics` that namespaces have as well.
pub(in crate::settings) static TOPIC_KEYS: &[Key<Settings>] = topic_keys!(Settings, "topics.");

/// The keys of a namespace's table.
pub(in crate::settings) static NAMESPACE_KEYS: &[Key<Namespace>] = topic_keys!(
    Namespace,
    "",
    Key::new(
        "name",
        Field::Text(|n: &mut Namespace| &mut n.name, 0..=TOPIC_BYTES_MAX),
        "The namespace has the topics whose names have this text before their first `:`. The name \
         `match` includes the topic `match:1`, but neither `match` nor `matches:1`.",
    ),
    Key::new(
        "pattern",
        Field::Text(|n: &mut Namespace| &mut n.pattern, 0..=2 * TOPIC_BYTES_MAX),
        "The namespace has the topics that match this pattern, as in rules ([AUTH.md](AUTH.md)), \
         such as `device/+/state` or `room-{id}`. It cannot contain `{user}`, `{certificate}` or \
         `{claim.NAME}`, because the settings of a topic are the same for all clients.",
    ),
);

/// Times between ticks.
const TICKS: RangeInclusive<Duration> = FLUSH_MIN..=FLUSH_MAX;

/// Times for which something of a history is kept.
const KEPT: RangeInclusive<Duration> = Duration::from_secs(1)..=HISTORY_TTL_CEILING;
