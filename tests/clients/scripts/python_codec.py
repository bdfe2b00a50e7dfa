"""Talks over TCP with the codecs of centrifuge-python, in JSON and protobuf. Arguments: its folder, the
secret for tokens, and the addresses of the listeners for JSON and for protobuf."""

import base64
import socket
import sys

import jwt

FOLDER, SECRET, JSON, PROTOBUF = sys.argv[1:]
SECONDS = 30
sys.path.insert(0, FOLDER)

from centrifuge.codecs import _JsonCodec, _ProtobufCodec  # noqa: E402


class Client:
    def __init__(self, address, codec, token):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=SECONDS)
        self.stream = self.socket.makefile("rb")
        self.codec = codec
        self.say({"id": 1, "connect": {"token": token}})

    def say(self, *commands):
        data = self.codec.encode_commands(commands)
        self.socket.sendall(data if isinstance(data, bytes) else data.encode() + b"\n")

    def next(self):
        """The next reply or push; None at the end."""
        if self.codec is _JsonCodec:
            data = self.stream.readline()
        else:
            data = self.stream.read(1)
            while data and data[-1] & 0x80:
                data += self.stream.read(1)
            length = sum((byte & 0x7F) << 7 * at for at, byte in enumerate(data))
            data += self.stream.read(length)
        return self.codec.decode_replies(data.decode() if self.codec is _JsonCodec else data)[0] if data else None

    def next_data(self):
        """What is published next, as bytes."""
        data = self.next()["push"]["pub"]["data"]
        return base64.b64decode(data) if self.codec is _ProtobufCodec else data


def token(claims, secret=SECRET):
    return jwt.encode(claims, secret, algorithm="HS256")


places = [(JSON, _JsonCodec), (PROTOBUF, _ProtobufCodec)]
clients = [Client(*place, token({"sub": "ann"})) for place in places]
for client in clients:
    connected = client.next()["connect"]
    assert connected["client"] and connected["ping"] == 25 and connected["pong"], connected
    client.say({"id": 2, "subscribe": {"channel": "news"}}, {"id": 3, "history": {"channel": "news"}})
    replies = sorted((client.next(), client.next()), key=lambda reply: reply["id"])
    assert replies[0] == {"id": 2, "subscribe": {}}, replies
    assert replies[1]["error"]["code"] == 108, replies

by_json, by_protobuf = clients
by_json.say({"id": 4, "publish": {"channel": "news", "data": {"a": "ä\n"}}})
assert by_protobuf.next_data() == b'{"a": "\\u00e4\\n"}'
assert {"id": 4, "publish": {}} in (by_json.next(), by_json.next())
data = base64.b64encode(b'["b"]').decode()
by_protobuf.say({"id": 4, "publish": {"channel": "news", "data": data}})
assert by_json.next_data() == ["b"]

for place in places:
    client = Client(*place, token({"sub": "ann"}, "another secret of thirty-two bytes"))
    end = {"push": {"disconnect": {"code": 3500, "reason": "invalid token"}}}
    assert client.next() == end
    assert client.next() is None
