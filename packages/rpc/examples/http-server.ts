// HTTP and rpc in one process on one port: the first byte of a connection says which it is. The length
// of an rpc handshake starts with 0, a request of HTTP with a letter.
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { RpcClient, RpcServer } from "@dt/rpc";
import type { AddressInfo, Socket } from "node:net";

const COUNT = 256;
let hits = 0;

const http = createHttpServer((_request, response) => {
  hits++;
  response.setHeader("connection", "close").end(`hit ${hits}\n`);
});
const rpc = new RpcServer();
rpc.commands.on(COUNT, (request) => request.reply((writer, count) => writer.u32(count), hits));

// Until its first byte has come a connection belongs to neither, so it has its own time limit.
const FIRST_BYTE_MS = 5000;
const waiting = new Set<Socket>();
const front = createServer({ noDelay: true }, (socket) => {
  waiting.add(socket);
  socket.setTimeout(FIRST_BYTE_MS, () => socket.destroy());
  socket.once("close", () => waiting.delete(socket));
  socket.on("error", () => socket.destroy());
  socket.once("data", (chunk: Buffer) => {
    waiting.delete(socket);
    socket.setTimeout(0).removeAllListeners("timeout").removeAllListeners("error").pause();
    socket.unshift(chunk);
    if (chunk[0] === 0) {
      rpc.accept(socket);
    } else {
      http.emit("connection", socket);
    }
    process.nextTick(() => socket.resume());
  });
});
await new Promise<void>((resolve) => {
  front.listen(0, "127.0.0.1", resolve);
});
const { port } = front.address() as AddressInfo;

const page = await fetch(`http://127.0.0.1:${port}/`);
process.stdout.write(`http: ${await page.text()}`);
const client = new RpcClient({ address: { host: "127.0.0.1", port } });
await client.connect();
const read = (body: Buffer, start: number): number => body.readUInt32BE(start);
process.stdout.write(`rpc: ${await client.call(COUNT, 0, 1000, () => {}, null, read)} hits\n`);

await client.close();
front.close();
waiting.forEach((socket) => socket.destroy());
await rpc.close({ drainMs: 1000 });
http.closeAllConnections();
