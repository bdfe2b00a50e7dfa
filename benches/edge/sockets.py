#!/usr/bin/env python3
"""The kernel's memory for idle TCP connections, each with both ends on this host.

    benches/edge/sockets.py --connections 9500

One end is registered with epoll, as a server's is. Prints bytes of slabs for each end, and the
pages of socket buffers with a message of 64 bytes unread, and after it is read. Other programs of
the host count as well, so run it several times.
"""

import argparse
import resource
import select
import socket


def meminfo(name):
    with open("/proc/meminfo") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def pages():
    with open("/proc/net/sockstat") as lines:
        return next(int(line.split()[-1]) for line in lines if line.startswith("TCP:"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=9500)
    count = parser.parse_args().connections
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    poll, ends = select.epoll(), []
    slab, before = meminfo("Slab"), pages()
    for number in range(count):
        client = socket.socket()
        # A source address has some 28,000 ports.
        client.bind((f"127.0.{1 + number // 20000}.1", 0))
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        poll.register(server, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        ends.append((client, server))
    slab = meminfo("Slab") - slab
    print(f"{count} connections: {slab / count / 2:.0f} B of slabs for each end")
    for client, server in ends:
        server.send(b"x" * 64)
    print(f"with an unread message for each: {(pages() - before) / count:.2f} pages of buffers each")
    for client, _ in ends:
        client.recv(64)
    print(f"after it is read: {(pages() - before) / count:.2f} pages")


main()
