"""Python's `cent`, the client of Centrifugo's HTTP API, as a publisher. Arguments: the URL of the API
and its key. What it publishes on the channel `news` is for who has started it to check."""

import sys

from cent import (
    BatchRequest,
    BroadcastRequest,
    CentApiResponseError,
    CentUnauthorizedError,
    ChannelsRequest,
    Client,
    InfoRequest,
    PresenceRequest,
    PresenceStatsRequest,
    PublishRequest,
)

URL, KEY = sys.argv[1], sys.argv[2]


def fails(error, call, *args):
    try:
        call(*args)
    except error as raised:
        return raised
    raise AssertionError(f"no {error.__name__}")


client = Client(URL, KEY)
client.publish(PublishRequest(channel="news", data={"input": "hello"}))
for _ in range(3):
    client.publish(PublishRequest(channel="news", data="once", idempotency_key="k"))
client.publish(PublishRequest(channel="news", data=None, b64data="AP8="))
result = client.broadcast(BroadcastRequest(channels=["news", "other", ""], data=[1, 2]))
assert [it.error.code if it.error else None for it in result.responses] == [None, None, 107], result
batch = client.batch(BatchRequest(requests=[
    PublishRequest(channel="news", data="first"),
    BroadcastRequest(channels=["news"], data="second"),
]))
assert len(batch.replies) == 2, batch
assert len(batch.replies[1].responses) == 1, batch

error = fails(CentApiResponseError, client.publish, PublishRequest(channel="", data=1))
assert error.code == 107, error
error = fails(CentApiResponseError, client.presence, PresenceRequest(channel="news"))
assert error.code == 108, error
stats = client.presence_stats(PresenceStatsRequest(channel="here:a"))
assert (stats.num_clients, stats.num_users) == (0, 0), stats
assert client.presence(PresenceRequest(channel="here:a")).presence == {}
node = client.info(InfoRequest()).nodes[0]
assert node.num_clients >= 1 and node.name, node
assert client.channels(ChannelsRequest(pattern="ne*")).channels["news"].num_clients == 1
fails(CentUnauthorizedError, Client(URL, "wrong").publish, PublishRequest(channel="news", data=1))
