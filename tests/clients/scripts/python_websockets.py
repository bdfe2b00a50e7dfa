"""Python's `websockets` as a subscriber and a publisher. Arguments: the server's base URL (ws:// or
wss://), whether to offer compression (deflate or plain), and the certificate to trust, if any.

Not its client for threads: that reads and writes one TLS connection on two threads, and in Python
3.11 some of 1,000 handshakes then wait for ever, with its own server as well."""

import asyncio
import os
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

BASE, COMPRESSION = sys.argv[1], sys.argv[2]
OPTIONS = {"compression": "deflate" if COMPRESSION == "deflate" else None}
if len(sys.argv) > 3:
    OPTIONS["ssl"] = ssl.create_default_context(cafile=sys.argv[3])


async def open_at(path, **more):
    socket = await connect(BASE + path, **OPTIONS, **more)
    extensions = [extension.name for extension in socket.protocol.extensions]
    wanted = ["permessage-deflate"] if COMPRESSION == "deflate" else []
    assert extensions == wanted, extensions
    return socket


def receive(socket):
    return asyncio.wait_for(socket.recv(), 30)


async def delivers():
    messages = ["hello", "", "grüße ☃ 🦀", '{"level":17,"ok":true}' * 2000, os.urandom(300),
                os.urandom(200_000), b"", "last"]
    async with (await open_at("/sub/python", subprotocols=["chat"]) as subscriber,
                await open_at("/pub/python") as publisher):
        assert subscriber.subprotocol == "chat"
        for message in messages:
            await publisher.send(message)
        got = [await receive(subscriber) for _ in messages]
        assert got == messages, [(type(it), len(it)) for it in got]
        await asyncio.wait_for(await subscriber.ping(b"are you there"), 30)


async def echoes():
    async with await open_at("/echo") as socket:
        for message in [["frag", "mented ", "text"], [b"bi", b"nary"]]:
            await socket.send(iter(message))
            whole = "".join(message) if isinstance(message[0], str) else b"".join(message)
            assert await receive(socket) == whole


async def is_refused():
    try:
        await connect(BASE + "/nowhere", **OPTIONS)
        raise AssertionError("a path that is not there was opened")
    except InvalidStatus as error:
        assert error.response.status_code == 404, error
    async with await open_at("/sub/python") as listener:
        await listener.send("I must not")
        try:
            await receive(listener)
            raise AssertionError("it may publish on a path that only receives")
        except ConnectionClosedError as error:
            assert error.rcvd.code == 1008 and "only receives" in error.rcvd.reason, error


async def main():
    await delivers()
    await echoes()
    await is_refused()


asyncio.run(main())
