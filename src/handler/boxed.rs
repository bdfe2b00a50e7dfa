//! A boxed handler is a handler: a program may choose its application when it starts.

use std::time::Duration;

use crate::close_reason::CloseReason;
use crate::handler::{
    ConnectCommand, Connected, Failure, Halt, Handler, Message, Opening, PublishCommand, Query,
    Refusal, Room, RpcCommand, SessionStream, SubscribeCommand, Subscribed, TopicEvent,
};
use crate::proto::http::{Request, Response};
use crate::shard::core::app::cx::Cx;
use crate::shard::core::app::shard_cx::ShardCx;
use crate::time::Tick;
use crate::topic::Topic;

impl<H: Handler + ?Sized> Handler for Box<H> {
    type Conn = H::Conn;
    type Answer = H::Answer;

    fn on_open(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        opening: &Opening<'_>,
    ) -> Result<H::Conn, Refusal> {
        (**self).on_open(cx, opening)
    }

    fn on_message(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt> {
        (**self).on_message(cx, message)
    }

    fn on_connect(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        connect: &ConnectCommand<'_>,
    ) -> Result<Connected, Failure> {
        (**self).on_connect(cx, connect)
    }

    fn on_subscribe(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        subscribe: &SubscribeCommand<'_>,
    ) -> Result<Subscribed, Failure> {
        (**self).on_subscribe(cx, subscribe)
    }

    fn on_publish(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        publish: &PublishCommand<'_>,
    ) -> Result<(), Failure> {
        (**self).on_publish(cx, publish)
    }

    fn on_query(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        query: Query,
        channel: &str,
    ) -> Result<(), Failure> {
        (**self).on_query(cx, query, channel)
    }

    fn on_rpc(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        rpc: &RpcCommand<'_>,
    ) -> Result<Vec<u8>, Failure> {
        (**self).on_rpc(cx, rpc)
    }

    fn on_send(&mut self, cx: &mut Cx<'_, H::Conn, H::Answer>, data: &[u8]) -> Result<(), Failure> {
        (**self).on_send(cx, data)
    }

    fn on_drain(&mut self, cx: &mut Cx<'_, H::Conn, H::Answer>) {
        (**self).on_drain(cx);
    }

    fn on_close(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        reason: CloseReason,
    ) -> Result<(), Halt> {
        (**self).on_close(cx, reason)
    }

    fn wants_events(&mut self, request: &Request<'_>) -> bool {
        (**self).wants_events(request)
    }

    fn wants_session(&mut self, request: &Request<'_>) -> Option<SessionStream> {
        (**self).wants_session(request)
    }

    fn needs_identity(&mut self, request: &Request<'_>) -> bool {
        (**self).needs_identity(request)
    }

    fn answers_when_full(&mut self, request: &Request<'_>) -> bool {
        (**self).answers_when_full(request)
    }

    fn on_head(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        request: &Request<'_>,
    ) -> Option<Response> {
        (**self).on_head(cx, request)
    }

    fn on_request(
        &mut self,
        cx: &mut Cx<'_, H::Conn, H::Answer>,
        request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        (**self).on_request(cx, request)
    }

    fn tick_every(&self) -> Option<Duration> {
        (**self).tick_every()
    }

    fn on_tick(&mut self, cx: &mut ShardCx<'_, H::Conn, H::Answer>, tick: Tick) {
        (**self).on_tick(cx, tick);
    }

    fn watches_topics(&self) -> bool {
        (**self).watches_topics()
    }

    fn on_topic(
        &mut self,
        cx: &mut ShardCx<'_, H::Conn, H::Answer>,
        topic: &Topic,
        event: TopicEvent,
    ) {
        (**self).on_topic(cx, topic, event);
    }

    fn room(&mut self, topic: &str) -> Option<Box<dyn Room>> {
        (**self).room(topic)
    }
}
