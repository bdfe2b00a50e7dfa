//! The loop of a subscriber.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::cli::Failure;
use crate::cli::dial::advice::{explain, plain};
use crate::cli::dial::token::TokenFlags;
use crate::cli::dial::{clock, connect};
use crate::cli::stop::Stop;
use crate::cli::sub::Sub;
use crate::cli::sub::output::{Closed, Output};
use crate::cli::sub::raw::Raw;
use crate::cli::sub::said::Said;
use crate::cli::sub::session::Session;
use crate::client::{Client, ClientBuilder, Event, Reason, RecvError};
use crate::proto::Kind;

/// What makes messages of what comes.
pub(super) enum Reading {
    Raw(Raw),
    /// With the token for its first command.
    Session(Box<Session>, Tokens),
}

/// The tokens of connections. Each is made before there is a connection: it may take long, and a
/// server does not wait long for the first command.
pub(super) struct Tokens {
    flags: TokenFlags,
    next: Option<Made>,
}

/// A token, if one is given, or why there is none.
type Made = Result<Option<String>, String>;

impl Tokens {
    pub(super) fn new(flags: TokenFlags) -> Self {
        Self { flags, next: None }
    }

    /// Makes the token of the next connection.
    fn prepare(&mut self) {
        self.next = Some(self.make());
    }

    fn take(&mut self) -> Made {
        self.next.take().unwrap_or_else(|| self.make())
    }

    fn make(&self) -> Made {
        self.flags.make().map_err(|err| err.to_string())
    }
}

/// A subscriber and where it prints.
pub(super) struct Subscriber {
    client: Client,
    reading: Reading,
    output: Output,
    stop: Stop,
    /// Messages to print; `None`: any number.
    left: Option<u64>,
    /// The time by which it must be ready for the first time.
    deadline: Option<Instant>,
    /// The time by which the server must have answered the first commands of a connection.
    answer_by: Option<Instant>,
    /// Why it is not ready.
    reason: String,
    has_token: bool,
    is_quiet: bool,
    is_back: bool,
}

impl Subscriber {
    pub(super) fn new(
        flags: &Sub,
        mut reading: Reading,
        builder: ClientBuilder,
    ) -> Result<Self, Failure> {
        if let Reading::Session(_, tokens) = &mut reading {
            tokens.prepare();
        }
        Ok(Self {
            client: connect(builder)?,
            reading,
            output: Output::new(flags.format()),
            stop: Stop::register()?,
            left: flags.count,
            deadline: flags.dial.deadline(),
            answer_by: None,
            reason: "the server has not answered".to_owned(),
            has_token: flags.dial.token.is_given(),
            is_quiet: flags.quiet,
            is_back: false,
        })
    }

    /// Prints until the end, and then closes the connection.
    pub(super) fn run(mut self) -> Result<(), Failure> {
        let Closed(ended) = self.print_all();
        let flushed = self.output.flush();
        // A server that does not answer must not hold up the end.
        let _closed = self.client.close(clock() + CLOSE_TIMEOUT);
        match (ended, flushed) {
            (Ok(()), Err(Closed(lost))) => lost,
            (ended, _) => ended,
        }
    }

    fn print_all(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.turn() {
                return closed;
            }
        }
    }

    /// Handles one event, if there is one within a moment.
    fn turn(&mut self) -> Result<(), Closed> {
        if self.stop.is_asked() || self.left == Some(0) {
            return Err(Closed(Ok(())));
        }
        let event = match self.client.recv(clock()) {
            // Printed before it waits.
            Err(RecvError::Timeout) => {
                self.output.flush()?;
                self.client.recv(clock() + MOMENT)
            }
            event => event,
        };
        match event {
            Ok(event) => self.handle(event),
            Err(RecvError::Timeout) => self.check(),
            Err(RecvError::Ended) => {
                let why = std::mem::take(&mut self.reason);
                Err(Closed(Err(Failure::failed(why))))
            }
        }
    }

    /// What is looked at when nothing happens.
    fn check(&mut self) -> Result<(), Closed> {
        if self.output.has_no_reader() {
            return Err(Closed(Ok(())));
        }
        if self.answer_by.is_some_and(|late| late <= clock()) {
            self.answer_by = None;
            let reason = "the server did not answer in time";
            self.client.reconnect(CLOSE_LEAVE, reason);
        }
        match self.deadline {
            Some(deadline) if deadline <= clock() => Err(Closed(Err(Failure::failed(format!(
                "not connected within --connect-timeout: {}",
                self.reason
            ))))),
            _ => Ok(()),
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Closed> {
        if let Event::Disconnected { reason, retry_in } = event {
            self.handle_end(&reason, retry_in);
            return self.check();
        }
        let mut said = Vec::new();
        match (&mut self.reading, event) {
            (Reading::Raw(raw), event) => raw.handle(event, &mut said),
            (Reading::Session(session, tokens), Event::Connected { .. }) => {
                let token = tokens.take();
                self.answer_by = Some(clock() + ANSWER_TIMEOUT);
                match token {
                    Ok(token) => session.handle_connected(token, &mut said),
                    Err(err) => said.push(Said::Leave(format!("there is no token: {err}"))),
                }
            }
            (Reading::Session(session, _), Event::Message { payload, .. }) => {
                session.handle_message(&payload, &mut said);
            }
            _ => {}
        }
        said.into_iter().try_for_each(|said| self.act(said))
    }

    fn handle_end(&mut self, reason: &Reason, retry_in: Option<Duration>) {
        self.answer_by = None;
        self.reason = explain(reason, self.has_token);
        if let Some(delay) = retry_in {
            let text = format!("{}; trying again in {delay:.1?}", self.reason);
            self.note(&text);
            if let Reading::Session(_, tokens) = &mut self.reading {
                tokens.prepare();
            }
        }
    }

    fn act(&mut self, said: Said) -> Result<(), Closed> {
        match said {
            Said::Ready => {
                self.deadline = None;
                self.answer_by = None;
                let is_back = std::mem::replace(&mut self.is_back, true);
                self.note(match (is_back, self.is_complete()) {
                    (false, _) => "subscribed",
                    (true, true) => "connected again",
                    (true, false) => {
                        "connected again; messages may be missing: there is no history"
                    }
                });
            }
            Said::Message(message) => {
                if self.left == Some(0) {
                    return Ok(());
                }
                self.output.print(&message)?;
                self.left = self.left.map(|left| left - 1);
            }
            Said::Note(text) => self.note(&text),
            Said::Send(command) => {
                // If there is no connection any more, the next one begins anew.
                let deadline = clock() + ANSWER_TIMEOUT;
                let _gone = self.client.send(Kind::Binary, &command, deadline);
            }
            Said::Leave(text) => self.client.reconnect(CLOSE_LEAVE, &short(&text)),
            Said::End(failure) => return Err(Closed(Err(failure))),
        }
        Ok(())
    }

    /// Whether it knows what was published while there was no connection, or that it missed some.
    fn is_complete(&self) -> bool {
        match &self.reading {
            Reading::Raw(_) => self.client.position().is_some(),
            Reading::Session(session, _) => session.is_complete(),
        }
    }

    /// Tells the user what is not a message.
    fn note(&self, text: &str) {
        if !self.is_quiet {
            // If standard error is closed, there is no other place.
            let _closed = writeln!(io::stderr(), "{}", plain(text));
        }
    }
}

/// A text that fits into a close frame, RFC 6455 5.5.
fn short(text: &str) -> String {
    let mut end = text.len().min(123);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// How long a signal or a closed pipe may wait.
const MOMENT: Duration = Duration::from_millis(100);
/// How long the server may take for its answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// An application's own code, RFC 6455 7.4.2.
const CLOSE_LEAVE: u16 = 4000;
/// How long the end may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
