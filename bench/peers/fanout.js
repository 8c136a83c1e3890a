// npm's ws and socket.io under the fan-out bench: node fanout.js ws|socket.io SIZE
const http = require("node:http");
const readline = require("node:readline");
const [, , kind, size] = process.argv;

const server = http.createServer();
const text = () => JSON.stringify({ text: "x".repeat(Math.max(1, size - 12)) });
let publish;
if (kind === "ws") {
  const { WebSocketServer } = require("ws");
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  publish = () => {
    const data = Buffer.from(text());
    for (const client of sockets.clients) client.send(data, { binary: false });
  };
} else {
  const { Server } = require("socket.io");
  const io = new Server(server, { perMessageDeflate: false, pingInterval: 300000 });
  publish = () => io.emit("posted", { text: "x".repeat(size) });
}

const now = () => Number(process.hrtime.bigint()) / 1e9;
const base = process.memoryUsage().rss;
let full = 0;
let cpu = process.cpuUsage();
const begun = [];
const calls = [];
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(server.address().port));
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  if (line !== "publish") {
    const used = process.cpuUsage(cpu);
    const report = { begun: begun.slice(1), calls: calls.slice(1), cpu: (used.user + used.system) / 1e6, memory: full - base };
    process.stdout.write(JSON.stringify(report) + "\n", () => process.exit(0));
    return;
  }
  full ||= process.memoryUsage().rss;
  if (begun.length === 1) cpu = process.cpuUsage();
  begun.push(now());
  publish();
  calls.push(now() - begun.at(-1));
});
