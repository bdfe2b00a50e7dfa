//! The thread that reads what Redis pushes. What is subscribed to, the engine writes on the same
//! connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};

use crossbeam_channel::Sender;

use crate::redis::resp::{self, Reply};
use crate::redis::settings::RedisSettings;
use crate::redis::{random, wait};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;
/// Bytes of the buffer that are kept for the next messages.
const KEPT_BYTES: usize = 1 << 20;

/// What has happened on the connection.
#[derive(Debug)]
pub(crate) enum Event {
    /// It is there, with nothing subscribed.
    Connected(TcpStream),
    /// It has ended.
    Lost,
    Subscribed(String),
    Unsubscribed(String),
    Message(String, Vec<u8>),
}

/// The thread's own.
pub(crate) struct Subscription {
    pub(crate) settings: RedisSettings,
    pub(crate) events: Sender<Event>,
    /// Tells that there are events.
    pub(crate) wake: Box<dyn Fn() + Send + Sync>,
}

/// The engine has ended, or the connection has.
enum End {
    Stopped,
    Broken(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Subscription {
    /// Connects again and again until nothing takes the events any more.
    pub(crate) fn run(self) {
        let mut random = random();
        let mut attempt = 0;
        let mut told = None;
        loop {
            let served = self.connect().and_then(|stream| {
                attempt = 0;
                told = None;
                self.serve(stream)
            });
            let Err(End::Broken(error)) = served else {
                return;
            };
            if told.as_ref() != Some(&error) {
                let RedisSettings { host, port, .. } = &self.settings;
                log::warn!("no messages from Redis at {host}:{port} (cluster.address): {error}");
                told = Some(error);
            }
            if self.tell(Event::Lost).is_err() {
                return;
            }
            (self.wake)();
            std::thread::park_timeout(wait(&mut random, attempt));
            attempt = attempt.saturating_add(1);
        }
    }

    fn connect(&self) -> Result<TcpStream, End> {
        let RedisSettings { host, port, .. } = &self.settings;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for addr in (host.as_str(), *port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&addr, self.settings.timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_write_timeout(Some(self.settings.timeout))?;
                    self.log_in(&stream)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    fn log_in(&self, mut stream: &TcpStream) -> Result<(), End> {
        let Some(password) = &self.settings.password else {
            return Ok(());
        };
        let user = self.settings.user.as_deref();
        let parts: Vec<&[u8]> = [Some("AUTH"), user, Some(password)]
            .into_iter()
            .flatten()
            .map(str::as_bytes)
            .collect();
        let mut command = Vec::new();
        resp::encode(&mut command, parts.into_iter());
        stream.write_all(&command)?;
        stream.set_read_timeout(Some(self.settings.timeout))?;
        let mut answer = Vec::new();
        let mut piece = [0; 256];
        let end = loop {
            let broken = |error: resp::RespError| End::Broken(error.to_string());
            match resp::decode(&answer).map_err(broken)? {
                Some((Reply::Error(error), _)) => {
                    break Err(End::Broken(String::from_utf8_lossy(error).into_owned()));
                }
                Some(_) => break Ok(()),
                None => match stream.read(&mut piece)? {
                    0 => break Err(End::Broken("it was closed".to_owned())),
                    count => answer.extend_from_slice(&piece[..count]),
                },
            }
        };
        stream.set_read_timeout(None)?;
        end
    }

    fn serve(&self, mut stream: TcpStream) -> Result<(), End> {
        self.tell(Event::Connected(stream.try_clone()?))?;
        (self.wake)();
        let mut buffer = Vec::new();
        let mut piece = vec![0; READ_BYTES];
        loop {
            let count = match stream.read(&mut piece) {
                Ok(0) => return Err(End::Broken("it was closed".to_owned())),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            buffer.extend_from_slice(&piece[..count]);
            let taken = self.take(&buffer)?;
            buffer.drain(..taken);
            if buffer.is_empty() && KEPT_BYTES < buffer.capacity() {
                buffer = Vec::new();
            }
            (self.wake)();
        }
    }

    /// Tells all that is whole, and how many bytes that were.
    fn take(&self, bytes: &[u8]) -> Result<usize, End> {
        let mut at = 0;
        loop {
            match resp::decode(&bytes[at..]) {
                Ok(None) => return Ok(at),
                Ok(Some((reply, taken))) => {
                    at += taken;
                    match event(&reply) {
                        Ok(Some(event)) => self.tell(event)?,
                        Ok(None) => {}
                        Err(error) => return Err(End::Broken(error)),
                    }
                }
                Err(error) => return Err(End::Broken(error.to_string())),
            }
        }
    }

    fn tell(&self, event: Event) -> Result<(), End> {
        // While there is no space, the engine has been woken already.
        let told = self.events.try_send(event).or_else(|refused| {
            (self.wake)();
            self.events.send(refused.into_inner())
        });
        told.map_err(|_| End::Stopped)
    }
}

/// What a reply tells; an error of Redis ends the connection.
fn event(reply: &Reply<'_>) -> Result<Option<Event>, String> {
    let parts = match reply {
        Reply::Error(error) => return Err(String::from_utf8_lossy(error).into_owned()),
        Reply::Parts(parts) => parts,
        _ => return Ok(None),
    };
    let name = |name: &[u8]| str::from_utf8(name).ok().map(str::to_owned);
    Ok(match &parts[..] {
        [
            Reply::Text(b"message"),
            Reply::Text(channel),
            Reply::Text(message),
        ] => name(channel).map(|channel| Event::Message(channel, message.to_vec())),
        [Reply::Text(b"subscribe"), Reply::Text(channel), _] => {
            name(channel).map(Event::Subscribed)
        }
        [Reply::Text(b"unsubscribe"), Reply::Text(channel), _] => {
            name(channel).map(Event::Unsubscribed)
        }
        _ => None,
    })
}

/// Subscribes to channels, or unsubscribes from them, in one command. A connection that takes none
/// is ended.
pub(crate) fn order(mut stream: &TcpStream, verb: &str, channels: &[String]) {
    let mut command = Vec::new();
    let parts: Vec<&[u8]> = [verb]
        .into_iter()
        .chain(channels.iter().map(String::as_str))
        .map(str::as_bytes)
        .collect();
    resp::encode(&mut command, parts.into_iter());
    if stream.write_all(&command).is_err() {
        end(stream);
    }
}

/// Ends the connection: its thread makes another.
pub(crate) fn end(stream: &TcpStream) {
    // It may have ended by itself.
    stream.shutdown(Shutdown::Both).ok();
}
