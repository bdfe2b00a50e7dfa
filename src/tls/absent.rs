//! The same types where TLS is left out: there are none of them.

use std::io;

use crate::error::debug_is_text;
use crate::tls::{Failed, Progress, TlsFault};

/// What there is none of; inside, so that other modules do not reason with it.
#[derive(Clone, Copy, Debug)]
enum Never {}

/// What a listener asks of TLS.
#[derive(Clone, Debug)]
pub enum TlsSettings {}

/// What is wrong with what it asks.
#[derive(Clone, Copy, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// TLS is left out.
    #[error("this build has no TLS: take corecast with its feature `tls`")]
    Absent,
}

debug_is_text!(TlsError);

/// What a client asks of TLS.
#[derive(Clone, Copy, Debug, Default)]
pub struct DialSettings;

/// What its sessions are made from.
#[derive(Clone, Debug)]
pub struct DialKeys(Never);

/// One connection's TLS as a client.
#[derive(Debug)]
pub struct DialSession(Never);

/// What sessions are made from.
#[derive(Clone, Debug)]
pub struct Keys(Never);

/// Loads no files.
#[derive(Debug)]
pub struct Reloader;

/// What reaches one shard of it.
#[derive(Debug)]
pub struct Renewals;

/// One connection's TLS.
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
