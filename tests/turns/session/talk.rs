//! What clients and the application say to each other: rpc and send.

use corecast::{Cx, Failure, Handler, RpcCommand};

use super::*;
use crate::shard::Answer;

struct Talking;

impl Handler for Talking {
    opens_sessions!();

    fn on_rpc(
        &mut self,
        _: &mut Cx<'_, (), Answer>,
        rpc: &RpcCommand<'_>,
    ) -> Result<Vec<u8>, Failure> {
        match rpc.method {
            "same" => Ok(rpc.data.to_vec()),
            "mine" => Err(Failure::Error(corecast::CommandError {
                code: 400,
                message: "no".to_owned(),
                temporary: true,
            })),
            _ => Err(corecast::ErrorCode::MethodNotFound.into()),
        }
    }

    fn on_send(&mut self, cx: &mut Cx<'_, (), Answer>, data: &[u8]) -> Result<(), Failure> {
        let _sent = cx.send(corecast::Kind::Text, data);
        Ok(())
    }
}

#[test]
fn the_application_answers_calls_and_may_say_something_by_itself() {
    let mut scene = Scene::of(Shard::of(Config::default(), Talking));
    scene.say(CONNECT);
    scene.hear();
    let told = scene.ask(
        "{\"id\":2,\"rpc\":{\"method\":\"same\",\"data\":{\"a\":[1]}}}\n\
         {\"id\":3,\"rpc\":{\"method\":\"mine\"}}\n\
         {\"id\":4,\"rpc\":{}}\n\
         {\"send\":{\"data\":{\"b\":2}}}",
    );
    assert_eq!(
        told,
        [
            r#"{"id":2,"rpc":{"data":{"a":[1]}}}"#,
            r#"{"id":3,"error":{"code":400,"message":"no","temporary":true}}"#,
            r#"{"id":4,"error":{"code":104,"message":"method not found"}}"#,
            r#"{"push":{"message":{"data":{"b":2}}}}"#,
        ]
    );
}

#[test]
fn without_an_application_nothing_is_called_or_sent() {
    let mut scene = Scene::connected(Config::default());
    let told = scene.ask(r#"{"id":2,"rpc":{"method":"m"}}"#);
    assert_eq!(
        told,
        [r#"{"id":2,"error":{"code":108,"message":"not available"}}"#]
    );
    scene.say(r#"{"send":{"data":1}}"#);
    assert_eq!(scene.hear(), [close(3508, "not available")]);
}
