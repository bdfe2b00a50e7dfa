//! The client of a session.

use std::sync::Arc;

use serde_json::Value;

use crate::auth::Principal;
use crate::id::ConnectionId;
use crate::proto::centrifuge::ClientInfo;

/// The client of a session, in little memory: most do nothing most of the time.
#[derive(Debug, Default)]
pub(crate) struct Client {
    /// Without its claims.
    principal: Option<Box<Principal>>,
    /// Those claims, if there are any: a map of a single one takes 640 bytes.
    #[expect(clippy::box_collection, reason = "one word in each session")]
    claims: Option<Box<Vec<(String, Value)>>>,
    /// What its token says of it to others.
    conn_info: Option<Arc<[u8]>>,
    /// The client as others see it, once it has published.
    info: Option<Arc<ClientInfo>>,
}

impl Client {
    /// The identity, for a callback; to be kept again after it.
    pub(crate) fn take(&mut self) -> Option<Box<Principal>> {
        let mut principal = self.principal.take()?;
        if let Some(claims) = self.claims.take() {
            principal.claims.extend(*claims);
        }
        Some(principal)
    }

    pub(crate) fn keep(&mut self, principal: Option<Box<Principal>>) {
        self.principal = principal;
        if let Some(principal) = &mut self.principal {
            let claims = std::mem::take(&mut principal.claims);
            let claims = (!claims.is_empty()).then(|| claims.into_iter().collect::<Box<[_]>>());
            self.claims = claims.map(|claims| Box::new(claims.into_vec()));
        }
    }

    /// Others are told this of it.
    pub(crate) fn describe(&mut self, conn_info: Arc<[u8]>) {
        self.conn_info = (!conn_info.is_empty()).then_some(conn_info);
        self.info = None;
    }

    pub(crate) fn conn_info(&self) -> Option<&Arc<[u8]>> {
        self.conn_info.as_ref()
    }

    /// The client, which has this name, as subscribers see it of whose subscription nothing is
    /// said.
    pub(crate) fn info(&mut self, name: ConnectionId) -> Arc<ClientInfo> {
        let Self {
            principal,
            conn_info,
            info,
            ..
        } = self;
        let user = principal.as_deref().and_then(Principal::user);
        let info = info.get_or_insert_with(|| {
            Arc::new(ClientInfo {
                user: user.unwrap_or_default().to_owned(),
                client: name.to_string(),
                conn_info: conn_info.as_deref().unwrap_or_default().to_vec(),
                chan_info: Vec::new(),
            })
        });
        Arc::clone(info)
    }
}
