//! Words for what a server does beyond its limits, and for its descriptor tables.

use crate::config::{BeyondRate, BeyondUserLimit, SlowConsumer};
use crate::settings::Tables;
use crate::settings::field::choice;

choice!(SlowConsumer {
    "drop-oldest" => Self::DropOldest,
    "latest" => Self::Latest,
    "drop-newest" => Self::DropNewest,
    "disconnect" => Self::Disconnect,
});

choice!(BeyondRate {
    "wait" => Self::Wait,
    "drop" => Self::Drop,
    "close" => Self::Close,
});

choice!(BeyondUserLimit {
    "close-oldest" => Self::CloseOldest,
    "refuse" => Self::Refuse,
});

choice!(Tables {
    "own" => Self::Own,
    "shared" => Self::Shared,
});
