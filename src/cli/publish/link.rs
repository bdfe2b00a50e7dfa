//! The ways to publish.

use std::time::Duration;

use crate::cli::Failure;
#[cfg(feature = "auth")]
use crate::cli::publish::api::Api;
use crate::cli::publish::raw::Raw;
use crate::cli::publish::session::Session;
use crate::proto::Kind;

/// A way to publish to one topic.
pub(super) enum Link {
    Raw(Box<Raw>),
    Session(Box<Session>),
    #[cfg(feature = "auth")]
    Api(Box<Api>),
}

impl Link {
    /// Whether it takes text only if that is JSON.
    pub(super) fn wants_json(&self) -> bool {
        !matches!(self, Self::Raw(_))
    }

    pub(super) fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Raw(raw) => raw.send(kind, payload),
            Self::Session(session) => session.send(payload),
            #[cfg(feature = "auth")]
            Self::Api(api) => api.send(kind, payload),
        }
    }

    /// Keeps a connection alive for a while.
    pub(super) fn wait(&mut self, time: Duration) -> Result<(), Failure> {
        match self {
            Self::Raw(raw) => raw.wait(time),
            Self::Session(session) => session.wait(time),
            #[cfg(feature = "auth")]
            Self::Api(_) => {
                let _passed = crossbeam_channel::after(time).recv();
                Ok(())
            }
        }
    }

    /// Waits until all is published, as far as the protocol can tell.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Raw(raw) => raw.finish(),
            Self::Session(session) => session.finish(),
            #[cfg(feature = "auth")]
            Self::Api(_) => Ok(()),
        }
    }
}
