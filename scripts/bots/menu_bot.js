// What menu_bot.py does, for Node 18 and later with ws: menu_bot.js [PORT [QUEUE]] (docs/bots.md).

const { WebSocketServer } = require("ws");

const queue = process.argv[3] ?? "sales";
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 8766),
  perMessageDeflate: false,
});

function hum(hz, seconds, rateHz) {
  const samples = new Int16Array(seconds * rateHz);
  return Buffer.from(samples.map((_, n) => 8000 * Math.sin((2 * Math.PI * hz * n) / rateHz)).buffer);
}

server.on("listening", () => console.log(`ws://127.0.0.1:${server.address().port}/`));

server.on("connection", (socket) => {
  let rateHz = 8000;
  let paused = false;
  const send = (message) => socket.send(JSON.stringify(message));
  const say = (hz) => {
    send({ type: "clear" }); // what the caller has not heard yet
    socket.send(hum(hz, 20, rateHz));
    send({ type: "mark", name: String(hz) });
  };
  socket.on("message", (data, isBinary) => {
    const said = isBinary ? {} : JSON.parse(data);
    const key = said.type === "dtmf" ? said.digit : "";
    if (said.type === "start") {
      rateHz = said.rate_hz;
      send({ type: "ready" });
      say(1000);
    } else if (key === "1") say(1300);
    else if (key === "2") send({ type: "handover", queue, context: { menu: "2" } });
    else if (key === "3") send({ type: (paused = !paused) ? "pause" : "resume" });
    else if (key === "9") send({ type: "hangup" });
  });
});
