//! The same types for builds without TLS: no value of them exists.

use std::io;

use crate::error::debug_is_text;
use crate::tls::{Failed, Progress, TlsFault};

/// A type without values; private, so that other modules do not rely on it.
#[derive(Clone, Copy, Debug)]
enum Never {}

/// The TLS settings of a listener.
#[derive(Clone, Debug)]
pub enum TlsSettings {}

/// The error of TLS settings.
#[derive(Clone, Copy, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The build has no TLS.
    #[error("this build has no TLS: build corecast with its feature `tls`")]
    Absent,
}

debug_is_text!(TlsError);

/// The TLS settings of a client.
#[derive(Clone, Copy, Debug, Default)]
pub struct DialSettings;

/// The loaded authorities and certificates of a client.
#[derive(Clone, Debug)]
pub struct DialKeys(Never);

/// The TLS session of a client's connection.
#[derive(Debug)]
pub struct DialSession(Never);

/// The loaded certificates of a listener.
#[derive(Clone, Debug)]
pub struct Keys(Never);

/// Does nothing: there are no files.
#[derive(Debug)]
pub struct Reloader;

/// The contents of no file.
#[derive(Debug)]
pub struct Loaded;

/// The receiving side of one shard.
#[derive(Debug)]
pub struct Renewals;

/// The TLS session of one connection.
#[derive(Debug)]
pub struct Session(Never);

#[expect(missing_docs, reason = "as with TLS")]
impl Reloader {
    pub fn new(_listeners: Vec<(TlsSettings, &'static [&'static [u8]])>) -> Result<Self, TlsError> {
        Ok(Self)
    }

    pub fn keys(&self) -> &[Keys] {
        &[]
    }

    pub fn add_shard(&mut self) -> Renewals {
        Renewals
    }

    #[expect(clippy::unnecessary_wraps, reason = "as with TLS")]
    pub fn load(&self) -> Result<Loaded, TlsError> {
        Ok(Loaded)
    }

    pub fn has_space(&self) -> bool {
        true
    }

    pub fn send(&self, _loaded: &Loaded) -> bool {
        true
    }
}

#[expect(missing_docs, reason = "as with TLS")]
impl Renewals {
    pub fn take(&mut self) -> Option<Vec<Keys>> {
        None
    }
}

#[expect(missing_docs, reason = "as with TLS")]
impl Session {
    pub fn new(keys: &Keys) -> Result<Self, Failed> {
        match keys.0 {}
    }

    pub fn is_open(&self) -> bool {
        match self.0 {}
    }

    pub fn identity(&self) -> Option<String> {
        match self.0 {}
    }

    pub fn is_resumed(&self) -> bool {
        match self.0 {}
    }

    pub fn may_half_close(&self) -> bool {
        match self.0 {}
    }

    pub fn version(&self) -> &'static str {
        match self.0 {}
    }

    pub fn rest(&self) -> &[u8] {
        match self.0 {}
    }

    pub fn receive(
        &mut self,
        _input: &mut [u8],
        _plaintext: &mut Vec<u8>,
        _output: &mut Vec<u8>,
    ) -> Result<Progress, Failed> {
        match self.0 {}
    }

    pub fn seal(&mut self, _plaintext: &[u8], _output: &mut Vec<u8>) -> Result<(), Failed> {
        match self.0 {}
    }

    pub fn close(&mut self, _output: &mut Vec<u8>) -> Result<(), Failed> {
        match self.0 {}
    }
}

#[expect(missing_docs, reason = "as with TLS")]
impl DialKeys {
    pub fn load(_: &DialSettings, _host: &str, _protocols: &[&[u8]]) -> Result<Self, TlsError> {
        Err(TlsError::Absent)
    }
}

#[expect(missing_docs, reason = "as with TLS")]
impl DialSession {
    pub fn new(keys: &DialKeys) -> Result<Self, TlsFault> {
        match keys.0 {}
    }

    pub fn may_write(&self, _has_bytes: bool) -> bool {
        match self.0 {}
    }

    pub fn read<S>(&mut self, _socket: &mut S, _room: &mut [u8]) -> io::Result<usize> {
        match self.0 {}
    }

    pub fn write<S>(&mut self, _socket: &mut S, _bytes: &[u8]) -> io::Result<usize> {
        match self.0 {}
    }

    pub fn close<S>(&mut self, _socket: &mut S) {
        match self.0 {}
    }
}
