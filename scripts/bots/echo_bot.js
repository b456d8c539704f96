// A bot that says what it hears, for Node 18 and later with the package ws:
// node scripts/bots/echo_bot.js [PORT]. See docs/bots.md.

const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 8765),
  perMessageDeflate: false,
});

server.on("listening", () => {
  console.log(`ws://127.0.0.1:${server.address().port}/`);
});

server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    if (isBinary) {
      socket.send(data);
      return;
    }
    const said = JSON.parse(data);
    if (said.type === "start") {
      socket.send(JSON.stringify({ type: "ready" }));
    } else if (said.type === "dtmf" && said.digit === "#") {
      socket.send(JSON.stringify({ type: "hangup", reason: "the caller pressed #" }));
    } else if (said.type === "stop") {
      socket.close();
    }
  });
});
