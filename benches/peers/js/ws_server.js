// Node with the ws package, as in its README: a set of sockets per topic and a loop of send.
// Usage: node ws_server.js 127.0.0.1:0 [--deflate], which compresses for whoever asks for it,
// however short the message.

import { WebSocket, WebSocketServer } from "ws";

const [host, port] = process.argv[2].split(":");
const perMessageDeflate = process.argv.includes("--deflate") && { threshold: 0 };
const topics = new Map();

function join(topic, socket) {
  if (!topics.has(topic)) {
    topics.set(topic, new Set());
  }
  topics.get(topic).add(socket);
}

function leave(topic, socket) {
  const subscribers = topics.get(topic);
  subscribers.delete(socket);
  if (subscribers.size === 0) {
    topics.delete(topic);
  }
}

function publish(topic, data, isBinary) {
  for (const subscriber of topics.get(topic) ?? []) {
    if (subscriber.readyState === WebSocket.OPEN) {
      subscriber.send(data, { binary: isBinary });
    }
  }
}

const server = new WebSocketServer({
  host,
  port: Number(port),
  backlog: 4096,
  perMessageDeflate,
});

server.on("connection", (socket, request) => {
  const [, kind, topic] = request.url.split("/");
  socket.on("error", () => {});
  if (kind === "sub" || kind === "ws") {
    join(topic, socket);
    socket.on("close", () => leave(topic, socket));
  }
  if (kind === "echo") {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  } else if (kind === "pub" || kind === "ws") {
    socket.on("message", (data, isBinary) => publish(topic, data, isBinary));
  }
});

server.on("listening", () => {
  const { address, port } = server.address();
  console.log(`listening http ${address}:${port}`);
});
