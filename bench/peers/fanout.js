// npm's ws and socket.io under the fan-out bench: node fanout.js ws|socket.io
const http = require("node:http");
const readline = require("node:readline");
const [, , kind] = process.argv;

const server = http.createServer();
const text = (size) => JSON.stringify({ text: "x".repeat(Math.max(1, size - 12)) });
let publish;
if (kind === "ws") {
  const { WebSocketServer } = require("ws");
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  publish = (size) => {
    const data = Buffer.from(text(size));
    for (const client of sockets.clients) client.send(data, { binary: false });
  };
} else {
  const { Server } = require("socket.io");
  const io = new Server(server, { perMessageDeflate: false, pingInterval: 3600000 });
  publish = (size) => io.emit("posted", { text: "x".repeat(size) });
}

const now = () => Number(process.hrtime.bigint()) / 1e9;
const base = process.memoryUsage().rss;
let begun = [];
let calls = [];
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(server.address().port));
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [word, size] = line.split(" ");
  if (word === "publish") {
    begun.push(now());
    publish(Number(size));
    calls.push(now() - begun.at(-1));
  } else if (word === "mark") {
    const used = process.cpuUsage();
    const cpu = (used.user + used.system) / 1e6;
    const memory = process.memoryUsage().rss - base;
    process.stdout.write(JSON.stringify({ begun, calls, cpu, memory }) + "\n");
    begun = [];
    calls = [];
  }
});
