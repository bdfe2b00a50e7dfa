"""Many clients of the structured protocol in this process, with subscriptions of their own, and
those that publish to them.
"""

import base64
import contextlib
import json
import os
import select
import socket
import struct
import time

from servers import Failed

ANSWER_S = 60
COMMANDS_PER_FRAME = 500
# Connections that are opened side by side: as many as wait in a listener's queue at most.
AT_ONCE = 500
READ_BYTES = 1 << 18
# A byte of each payload that stands nowhere else, in no length either: it cannot lie in two reads.
MARK = b"^"
# The number of a payload.
NUMBER = b"#%08d"
# tcpi_data_segs_in of tcp_info, linux/tcp.h: segments with data that have come.
SEGMENTS_AT = 152
TCP_INFO_BYTES = 160


def frame(text):
    """A message of a client, RFC 6455 section 5.2; a mask of zeros changes nothing."""
    payload = text.encode()
    return struct.pack("!BBH4x", 0x81, 0xFE, len(payload)) + payload


def frames(commands):
    """Commands, in as many messages as they take."""
    parts = [commands[at:at + COMMANDS_PER_FRAME]
             for at in range(0, len(commands), COMMANDS_PER_FRAME)]
    return b"".join(frame("\n".join(json.dumps(command) for command in part)) for part in parts)


def publish(channel, number, length):
    """A command that publishes a text of so many bytes."""
    text = (NUMBER % number + MARK).decode().ljust(length, ".")
    return {"id": 2, "publish": {"channel": channel, "data": text}}


# An empty reply, and the empty command that answers it.
PING = b"\x81\x02{}"
PONG = frame("{}")


class Crowd:
    """Connections, of which each has subscribed to channels of its own."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.poll = select.epoll()
        self.by_fd = {}
        self.sockets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __len__(self):
        return len(self.sockets)

    def open(self, channels):
        """One more connection for each list of channels; each is live."""
        for at in range(0, len(channels), AT_ONCE):
            part = channels[at:at + AT_ONCE]
            new = [self._connect() for _ in part]
            self._until(new, b"HTTP/1.1 101 ", [1] * len(new))
            for sock, own in zip(new, part):
                sock.send(frames([{"id": 1, "connect": {}}]))
            self._until(new, b'"connect":', [1] * len(new))
            self.subscribe(new, part)

    def subscribe(self, sockets, channels):
        """Each subscribes to its channels, all at the same time."""
        self._ask(sockets, channels, "subscribe")

    def unsubscribe(self, sockets, channels):
        """Each leaves its channels, all at the same time."""
        self._ask(sockets, channels, "unsubscribe")

    def _ask(self, sockets, channels, what):
        for sock, own in zip(sockets, channels):
            asked = frames([{"id": 2, what: {"channel": channel}} for channel in own])
            sock.setblocking(True)
            sock.sendall(asked)
            sock.setblocking(False)
        self._until(sockets, f'"{what}":'.encode(), [len(own) for own in channels])

    def read(self, seconds=0.0):
        """Reads what has come, and waits so long for it; how many messages that were."""
        messages = 0
        for fd, _ in self.poll.poll(seconds, 1024):
            messages += self._receive(self.by_fd[fd]).count(MARK)
        return messages

    def read_until(self, messages, seconds=ANSWER_S):
        """Reads until so many messages have come; how many did in that time."""
        got, until = 0, time.monotonic() + seconds
        while got < messages and time.monotonic() < until:
            got += self.read(0.1)
        return got

    def segments(self):
        """Segments with data that each connection has got: as the server has no delay (tcp(7),
        TCP_NODELAY), one for each write that is smaller than a segment."""
        infos = (sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
                 for sock in self.sockets)
        return [struct.unpack_from("=I", info, SEGMENTS_AT)[0] for info in infos]

    def close(self):
        """Ends all connections."""
        for sock in self.sockets:
            # Another process may have it as well.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self.sockets.clear()
        self.by_fd.clear()
        self.poll.close()
        self.poll = select.epoll()

    def _connect(self):
        sock = socket.create_connection(self.address, timeout=ANSWER_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(f"GET /connection/websocket HTTP/1.1\r\nHost: {self.address[0]}\r\n"
                     "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        sock.setblocking(False)
        self.poll.register(sock.fileno(), select.EPOLLIN)
        self.by_fd[sock.fileno()] = sock
        self.sockets.append(sock)
        return sock

    def _receive(self, sock):
        try:
            said = sock.recv(READ_BYTES)
        except BlockingIOError:
            return b""
        if not said:
            raise Failed("the server has closed a connection")
        if PING in said:
            sock.send(PONG)
        return said

    def _until(self, sockets, word, counts):
        """Waits until each has been told a word so often."""
        left = {sock.fileno(): count for sock, count in zip(sockets, counts) if count}
        ends = dict.fromkeys(left, b"")
        until = time.monotonic() + ANSWER_S
        while left:
            for fd, _ in self.poll.poll(0.1, 1024):
                said = self._receive(self.by_fd[fd])
                if fd not in left:
                    continue
                said = ends[fd] + said
                if b'"error"' in said:
                    raise Failed(said[:200].decode(errors="replace"))
                left[fd] -= said.count(word)
                # A word may lie in two reads.
                ends[fd] = said[1 - len(word):]
                if left[fd] <= 0:
                    del left[fd]
            if until < time.monotonic():
                raise Failed(f"{len(left):,} connections were not told {word.decode()}")


@contextlib.contextmanager
def apart(work, *arguments):
    """Runs something in a process of its own, on this one's CPUs; it is ended when left."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            os._exit(code)
    try:
        yield
    finally:
        _, status = os.waitpid(pid, 0)
        if status != 0:
            raise Failed(f"{work.__name__} failed")
