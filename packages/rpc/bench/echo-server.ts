// The other process of echo.bench.ts: answers each call with its own body and prints the port it
// listens on.
import { RpcServer } from "../src/index.ts";
import type { IncomingRequest } from "../src/index.ts";
import type { ByteWriter } from "@dt/codec";

const ECHO = 256;

interface Range {
  body: Buffer;
  start: number;
  end: number;
}

const range: Range = { body: Buffer.alloc(0), start: 0, end: 0 };

function writeRange(writer: ByteWriter, source: Range): void {
  writer.range(source.body, source.start, source.end);
}

function echo(request: IncomingRequest, body: Buffer, start: number, end: number): void {
  range.body = body;
  range.start = start;
  range.end = end;
  request.reply(writeRange, range);
}

const server = new RpcServer();
server.commands.on(ECHO, echo);
const path = process.argv[2];
const address = await server.listen(path === undefined ? { host: "127.0.0.1", port: 0 } : { path });
process.stdout.write(`${JSON.stringify(address)}\n`);
process.stdin.on("end", () => {
  void server.close().then(() => {
    const { framesOut, writes } = server.counters;
    const cpu = process.cpuUsage();
    const [user, system] = [cpu.user, cpu.system].map((micros) => (micros / framesOut).toFixed(2));
    process.stderr.write(
      `server: ${(framesOut / writes).toFixed(1)} frames a write, cpu a call ${user} + ${system} us\n`,
    );
  });
});
process.stdin.resume();
