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
or a `pattern`. If several have a topic, the first of them in the file counts for it; variables \
can change namespaces or add others behind those of the file.";

/// What goes before the names of the keys of `[topics]` that namespaces have.
pub(in crate::settings) const INHERITED: &str = "\
A namespace has these keys as well, with variables such as `CORECAST_NAMESPACE_<n>_HISTORY_SIZE`. \
What it does not set is as in `[topics]`: ";

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
                 Each message then has a position, and a subscriber that comes back with one gets \
                 what it has missed. With `off` there is no history, and there are no positions.",
            ),
            Key::new(
                concat!($prefix, "history_bytes"),
                Field::Size(
                    |s: &mut $of| &mut s.topics.history_bytes,
                    1..=HISTORY_BYTES_CEILING,
                ),
                "Maximum size of the messages in the history of a topic. The newest message is \
                 kept even if it is larger.",
            ),
            Key::new(
                concat!($prefix, "history_ttl"),
                Field::Time(|s: &mut $of| &mut s.topics.history_ttl, KEPT),
                "Time for which a message is kept in the history.",
            ),
            Key::new(
                concat!($prefix, "history_meta_ttl"),
                Field::TimeOr(|s: &mut $of| &mut s.topics.history_meta_ttl, KEPT, "auto"),
                "Time for which a topic's position is kept after its last message. A subscriber \
                 that comes back later is told that it may have missed messages. At least \
                 `history_ttl`; `auto` is one hour more.",
            ),
            Key::new(
                concat!($prefix, "keys"),
                Field::Switch(|s: &mut $of| &mut s.topics.keys),
                "Whether the history has only the newest message of each key. A publisher sets \
                 the key of a message; of messages without a key, the newest is kept.",
            ),
            Key::new(
                concat!($prefix, "first"),
                Field::First(|s: &mut $of| &mut s.topics.first),
                "Messages of the history that a new subscriber gets first if it does not say \
                 where it continues: `nothing`, `last` (the newest), `all`, or so many of the \
                 newest. `auto` is `all` with `keys`, and `nothing` otherwise.",
            ),
            Key::new(
                concat!($prefix, "flush"),
                Field::TimeOr(|s: &mut $of| &mut s.topics.flush, TICKS, "off"),
                "Time between two ticks of a topic. Messages wait at the topic's home for its next \
                 tick and go out together, so that a subscriber gets one write for all of them. At \
                 most 1,024 messages of a topic wait. With `off`, each goes out at once. \
                 A message has its position, and is in the history, from the tick on.",
            ),
            Key::new(
                concat!($prefix, "flush_latest"),
                Field::Switch(|s: &mut $of| &mut s.topics.flush_latest),
                "Whether only the newest message of each key goes out at a tick (`flush`), and of \
                 those without a key the newest. The others before them are dropped, and are in no \
                 history. For topics whose messages are complete states.",
            ),
            Key::new(
                concat!($prefix, "presence"),
                Field::Switch(|s: &mut $of| &mut s.topics.presence),
                "Whether the home shard of a topic knows which connections are subscribed, and of \
                 which users they are. The counts are exact; a list has at most 1,000 of them.",
            ),
            Key::new(
                concat!($prefix, "join_leave"),
                Field::Switch(|s: &mut $of| &mut s.topics.join_leave),
                "Whether subscribers of the structured protocol that ask for it are told when \
                 another one joins or leaves. Each join is a message to all of them: for topics \
                 with tens of subscribers, not thousands.",
            ),
            Key::new(
                concat!($prefix, "force_push_join_leave"),
                Field::Switch(|s: &mut $of| &mut s.topics.force_push_join_leave),
                "Whether subscribers of the structured protocol are told of joins and leaves \
                 without having asked for it.",
            ),
            Key::new(
                concat!($prefix, "force_recovery"),
                Field::Switch(|s: &mut $of| &mut s.topics.force_recovery),
                "Whether each subscriber of the structured protocol can come back to where it was \
                 and gets what it has missed, without having asked for it.",
            ),
            Key::new(
                concat!($prefix, "force_positioning"),
                Field::Switch(|s: &mut $of| &mut s.topics.force_positioning),
                "Whether each subscriber of the structured protocol is told of gaps, without \
                 having asked for it.",
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
        "The namespace has the topics whose names have this before their first `:`. `match` has \
         `match:1`, and neither `match` nor `matches:1`.",
    ),
    Key::new(
        "pattern",
        Field::Text(|n: &mut Namespace| &mut n.pattern, 0..=2 * TOPIC_BYTES_MAX),
        "The namespace has the topics that match this pattern, as in rules ([AUTH.md](AUTH.md)), \
         such as `device/+/state` or `room-{id}`. It cannot have the name of a client.",
    ),
);

/// Times between ticks.
const TICKS: RangeInclusive<Duration> = FLUSH_MIN..=FLUSH_MAX;

/// Times for which something of a history is kept.
const KEPT: RangeInclusive<Duration> = Duration::from_secs(1)..=HISTORY_TTL_CEILING;
