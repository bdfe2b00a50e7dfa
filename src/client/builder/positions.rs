//! Clients that go on where they were.

use crate::client::builder::ClientBuilder;
use crate::position::{Position, Since};

impl ClientBuilder {
    /// Goes on where it was after each reconnect, over WebSocket: offers the subprotocol
    /// `corecast.positions`, in which each message says its position, and asks at the next
    /// connection for what follows the newest.
    /// [`Event::Recovered`](crate::client::Event::Recovered) and
    /// [`Event::Gap`](crate::client::Event::Gap) say what came of it. A server that does not
    /// choose the subprotocol is one without positions, and topics without a history have none.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use corecast::client::{Client, Event};
    /// # use corecast::{Config, HistorySettings, Kind, Namespaces};
    /// # use corecast::{Relay, Server, TopicSettings};
    /// # let history = HistorySettings {
    /// #     entries_max: 100,
    /// #     bytes_max: 1 << 20,
    /// #     ttl: Duration::from_secs(60),
    /// #     meta_ttl: Duration::from_secs(60),
    /// #     is_keyed: false,
    /// # };
    /// # let kept = TopicSettings { history: Some(history), ..TopicSettings::default() };
    /// # let namespaces = Namespaces::new(kept, Vec::new());
    /// # let config = Config { namespaces, ..Config::default() };
    /// # let server = Server::builder().http("127.0.0.1:0".parse()?).shards(1).config(config);
    /// # let server = server.start(|_shard| Relay::default())?;
    /// # let url = format!("ws://{}/ws/news", server.http_addrs()[0]);
    /// let deadline = Instant::now() + Duration::from_secs(30);
    /// let mut client = Client::builder(&url)?.keep_positions().connect()?;
    /// # client.recv(deadline)?;
    /// # client.send(Kind::Text, b"hello", deadline)?;
    /// match client.recv(deadline)? {
    ///     Event::Message { position: Some(at), .. } => println!("processed up to {at}"),
    ///     Event::Gap { .. } => println!("load the state anew"),
    ///     other => println!("{other:?}"),
    /// }
    /// # server.handle().stop();
    /// # server.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn keep_positions(mut self) -> Self {
        self.keeps_positions = true;
        self
    }

    /// [Keeps positions](Self::keep_positions), and asks at the first connection for what follows
    /// this one.
    #[must_use]
    pub fn since(mut self, position: Position) -> Self {
        self.settings.since = Since::Position(position);
        self.keep_positions()
    }

    /// [Keeps positions](Self::keep_positions), and asks at the first connection for so many of the
    /// newest messages, as far as the topic's history has them.
    #[must_use]
    pub fn last(mut self, messages: u32) -> Self {
        self.settings.since = Since::Last(messages);
        self.keep_positions()
    }
}
