"""Python's `websockets` as a subscriber and a publisher. Arguments: the server's base URL (ws:// or
wss://), whether to offer compression (deflate or plain), and the certificate to trust, if any."""

import os
import ssl
import sys

from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

BASE, COMPRESSION = sys.argv[1], sys.argv[2]
OPTIONS = {"compression": "deflate" if COMPRESSION == "deflate" else None}
if len(sys.argv) > 3:
    OPTIONS["ssl"] = ssl.create_default_context(cafile=sys.argv[3])


def open_at(path, **more):
    socket = connect(BASE + path, **OPTIONS, **more)
    extensions = [extension.name for extension in socket.protocol.extensions]
    wanted = ["permessage-deflate"] if COMPRESSION == "deflate" else []
    assert extensions == wanted, extensions
    return socket


def delivers():
    messages = ["hello", "", "grüße ☃ 🦀", '{"level":17,"ok":true}' * 2000, os.urandom(300),
                os.urandom(200_000), b"", "last"]
    with open_at("/sub/python", subprotocols=["chat"]) as subscriber, open_at("/pub/python") as publisher:
        assert subscriber.subprotocol == "chat"
        for message in messages:
            publisher.send(message)
        got = [subscriber.recv(timeout=30) for _ in messages]
        assert got == messages, [(type(it), len(it)) for it in got]
        assert subscriber.ping(b"are you there").wait(30)


def echoes():
    with open_at("/echo") as socket:
        for message in [["frag", "mented ", "text"], [b"bi", b"nary"]]:
            socket.send(iter(message))
            whole = "".join(message) if isinstance(message[0], str) else b"".join(message)
            assert socket.recv(timeout=30) == whole


def is_refused():
    try:
        connect(BASE + "/nowhere", **OPTIONS)
        raise AssertionError("a path that is not there was opened")
    except InvalidStatus as error:
        assert error.response.status_code == 404, error
    with open_at("/sub/python") as listener:
        listener.send("I must not")
        try:
            listener.recv(timeout=30)
            raise AssertionError("it may publish on a path that only receives")
        except ConnectionClosedError as error:
            assert error.rcvd.code == 1008 and "only receives" in error.rcvd.reason, error


delivers()
echoes()
is_refused()
