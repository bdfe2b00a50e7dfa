// Bun's own WebSocket server with its native publish/subscribe, as in
// https://bun.com/docs/api/websockets. Usage: bun bun_server.js 127.0.0.1:0

const [hostname, port] = process.argv[2].split(":");

const server = Bun.serve({
  hostname,
  port: Number(port),

  fetch(request, server) {
    const [, kind, topic] = new URL(request.url).pathname.split("/");
    if (server.upgrade(request, { data: { kind, topic } })) {
      return undefined;
    }
    return new Response("a WebSocket, please\n", { status: 426 });
  },

  websocket: {
    open(socket) {
      const { kind, topic } = socket.data;
      if (kind === "sub" || kind === "ws") {
        socket.subscribe(topic);
      }
    },

    // Text comes as a string and binary as a Buffer, and both go out as what they came.
    message(socket, message) {
      const { kind, topic } = socket.data;
      if (kind === "echo") {
        socket.send(message);
      } else if (kind === "pub" || kind === "ws") {
        server.publish(topic, message);
      }
    },
  },
});

console.log(`listening http ${server.hostname}:${server.port}`);
