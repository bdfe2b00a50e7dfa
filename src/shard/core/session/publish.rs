//! Publish, and what goes to the application: rpc and send.

use crate::handler::{Handler, Publish, PublishCommand, Publisher, RpcCommand};
use crate::id::ConnKey;
use crate::payload::Payload;
use crate::proto::centrifuge::{
    Answer, DisconnectCode, Empty, ErrorCode, PublishRequest, RpcRequest, RpcResult, SendRequest,
    Wire,
};
use crate::shard::core::ShardCore;
use crate::shard::core::session::{Answered, is_pattern};
use crate::shard::mail::Origin;

impl<H: Handler> ShardCore<H> {
    pub(super) fn publish_command(&mut self, key: ConnKey, request: &PublishRequest) -> Answered {
        if request.data.is_empty() {
            return Err(DisconnectCode::BadRequest.into());
        }
        if request.r#type != 0 || is_pattern(&request.channel) {
            return Err(ErrorCode::NotAvailable.into());
        }
        let topic = self.shard.pubsub.topic(&*request.channel)?.into_owned();
        let session = self.shard.conns.session(key);
        let wire = session.map_or(Wire::Json, |session| session.wire());
        let kind = wire.kind_of(&request.data);
        let publish = PublishCommand {
            channel: &request.channel,
            kind,
            data: &request.data,
        };
        self.ask_to_publish(key, &publish)?;
        let shard = &mut self.shard;
        let origin = Origin::Connection(Publisher {
            shard: shard.env.shard,
            conn: shard.conns.id(key),
        });
        let topic_key = shard.pubsub.fanout.find(&topic);
        let name = shard.client_id(key);
        let session = shard.conns.session(key);
        let info = session.map(|session| session.info_in(name, topic_key));
        let publish = info.map_or_else(Publish::new, |info| Publish::new().info(info));
        let bytes = &*request.data;
        shard.publish(&topic, Payload { kind, bytes }, origin, publish)?;
        self.settle_homes();
        Ok(Some(Answer::Publish(Empty {})))
    }

    pub(super) fn rpc(&mut self, key: ConnKey, request: &RpcRequest) -> Answered {
        let rpc = RpcCommand {
            method: &request.method,
            data: &request.data,
        };
        let data = self.ask_rpc(key, &rpc)?;
        Ok(Some(Answer::Rpc(RpcResult { data })))
    }

    pub(super) fn send(&mut self, key: ConnKey, request: &SendRequest) -> Answered {
        self.ask_send(key, &request.data)?;
        Ok(None)
    }
}
