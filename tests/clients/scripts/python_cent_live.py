"""Every method of `cent`, the client of Centrifugo's HTTP API, with a client of the structured
protocol over WebSocket and one over an HTTP stream. Arguments: the server's address, the key of the
API, and the secret of tokens."""

import json
import sys
import time

import jwt
import requests
from cent import (
    BatchRequest,
    BoolValue,
    BroadcastRequest,
    CentApiResponseError,
    ChannelOptionsOverride,
    ChannelsRequest,
    Client,
    ConnectionsRequest,
    Disconnect,
    DisconnectRequest,
    HistoryRemoveRequest,
    HistoryRequest,
    InfoRequest,
    PresenceRequest,
    PresenceStatsRequest,
    PublishRequest,
    RefreshRequest,
    StreamPosition,
    SubscribeRequest,
    UnsubscribeRequest,
)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ADDR, KEY, SECRET = sys.argv[1:]
CONNECT = json.dumps({"id": 1, "connect": {"token": jwt.encode({"sub": "ann"}, SECRET)}})


class Live:
    def __init__(self, messages):
        self.replies = (json.loads(line) for message in messages for line in message.splitlines())
        self.connected = next(self.replies)["connect"]
        self.id = self.connected["client"]

    def hear(self, event):
        """The next push of this kind."""
        for reply in self.replies:
            if event in reply.get("push", {}):
                return reply["push"][event]
        raise AssertionError(f"it ends before {event}")


def socket():
    with connect(f"ws://{ADDR}/connection/websocket") as socket:
        socket.send(CONNECT)
        try:
            while True:
                yield socket.recv(timeout=30)
        except ConnectionClosed as closed:
            end = {"code": closed.rcvd.code, "reason": closed.rcvd.reason}
            yield json.dumps({"push": {"disconnect": end}})


def stream():
    url = f"http://{ADDR}/connection/http_stream"
    return requests.post(url, data=CONNECT, stream=True, timeout=30).iter_lines()


def fails(code, call, *args):
    try:
        call(*args)
    except CentApiResponseError as error:
        assert error.code == code, error
        return
    raise AssertionError(f"no error {code}")


api = Client(f"http://{ADDR}/api", KEY)
both = [by_socket, by_stream] = [Live(socket()), Live(stream())]

for number in (1, 2):
    api.publish(PublishRequest(channel="kept:a", data=number, tags={"n": str(number)}))
api.publish(PublishRequest(channel="kept:a", data=None, b64data="AP8="))
history = api.history(HistoryRequest(channel="kept:a", limit=-1))
assert [it.offset for it in history.publications] == [1, 2, 3], history
assert [it.data for it in history.publications] == [1, 2, None], history
assert history.publications[0].tags == {"n": "1"}, history
since = StreamPosition(offset=2)
history = api.history(HistoryRequest(channel="kept:a", limit=9, since=since, reverse=True))
assert [it.data for it in history.publications] == [1], history
fails(108, api.history, HistoryRequest(channel="other"))
since = StreamPosition(offset=1, epoch="another")
fails(112, api.history, HistoryRequest(channel="kept:a", limit=1, since=since))

api.subscribe(SubscribeRequest(
    user="ann", channel="kept:a", info={"a": 1}, data={"b": 2},
    recover_since=StreamPosition(offset=1, epoch=history.epoch),
    override=ChannelOptionsOverride(force_recovery=BoolValue(value=True)),
))
for client in both:
    subscribed = client.hear("subscribe")
    assert (subscribed["offset"], subscribed["data"]) == (1, {"b": 2}), subscribed
    assert [client.hear("pub")["data"] for _ in range(2)] == [2, "AP8="]
api.publish(PublishRequest(channel="kept:a", data="all"))
assert [client.hear("pub")["data"] for client in both] == ["all", "all"]
present = api.presence(PresenceRequest(channel="kept:a")).presence
assert set(present) == {client.id for client in both}, present
assert all((it.user, it.chan_info) == ("ann", {"a": 1}) for it in present.values()), present
stats = api.presence_stats(PresenceStatsRequest(channel="kept:a"))
assert (stats.num_clients, stats.num_users) == (2, 1), stats
channels = api.channels(ChannelsRequest(pattern="kept:?")).channels
assert {name: it.num_clients for name, it in channels.items()} == {"kept:a": 2}, channels
[node] = api.info(InfoRequest()).nodes
counts = (node.num_users, node.num_subs, node.num_channels)
# Each has the topic of its user as well.
assert counts == (1, 4, 2) and 2 <= node.num_clients, node
connections = api.connections(ConnectionsRequest(user="ann", expression="")).connections
transports = {it.transport: it.protocol for it in connections.values()}
assert transports == {"websocket": "json", "http_stream": "json"}, connections

session = by_stream.connected["session"]
api.unsubscribe(UnsubscribeRequest(user="ann", channel="kept:a", session=session))
assert by_stream.hear("unsubscribe")["code"] == 2000
assert api.presence_stats(PresenceStatsRequest(channel="kept:a")).num_clients == 1
api.unsubscribe(UnsubscribeRequest(user="ann", channel="kept:a", client=by_socket.id))
assert by_socket.hear("unsubscribe")["code"] == 2000

api.refresh(RefreshRequest(user="ann", expire_at=int(time.time()) + 3600))
for client in both:
    assert 3590 <= client.hear("refresh")["ttl"] <= 3600
api.history_remove(HistoryRemoveRequest(channel="kept:a"))
assert api.history(HistoryRequest(channel="kept:a", limit=-1)).publications == []

batch = [
    PublishRequest(channel="kept:b", data=1),
    BroadcastRequest(channels=["kept:b", "other"], data=2),
    SubscribeRequest(user="ann", channel="kept:b"),
    UnsubscribeRequest(user="ann", channel="kept:b"),
    RefreshRequest(user="ann"),
    HistoryRequest(channel="kept:b", limit=10),
    HistoryRemoveRequest(channel="kept:b"),
    PresenceRequest(channel="kept:b"),
    PresenceStatsRequest(channel="kept:b"),
    ChannelsRequest(),
    InfoRequest(),
    DisconnectRequest(user="nobody"),
]
replies = api.batch(BatchRequest(requests=batch, parallel=True)).replies
assert len(replies) == len(batch), replies
assert [it.data for it in replies[5].publications] == [1, 2], replies[5]
for client in both:
    assert client.hear("unsubscribe")["code"] == 2000

own = Disconnect(code=4001, reason="own")
api.disconnect(DisconnectRequest(user="ann", client=by_socket.id, disconnect=own))
end = by_socket.hear("disconnect")
assert (end["code"], end["reason"]) == (4001, "own"), end
api.disconnect(DisconnectRequest(user="ann"))
assert by_stream.hear("disconnect")["code"] == 3503
api.refresh(RefreshRequest(user="ann", expired=True))
