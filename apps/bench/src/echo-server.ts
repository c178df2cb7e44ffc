// The other process of `dt bench rpc`: answers each call with its own body.
import { RpcServer } from "@dt/rpc";
import type { IncomingRequest } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";
import { ECHO_COMMAND } from "./echo-command.ts";

interface Body {
  buf: Buffer;
  start: number;
  end: number;
}

/** Reused: a reply is encoded before `reply` returns. */
const echoed: Body = { buf: Buffer.alloc(0), start: 0, end: 0 };

function encodeBody(writer: ByteWriter, body: Body): void {
  writer.range(body.buf, body.start, body.end);
}

function echo(request: IncomingRequest, buf: Buffer, start: number, end: number): void {
  echoed.buf = buf;
  echoed.start = start;
  echoed.end = end;
  request.reply(encodeBody, echoed);
}

const server = new RpcServer();
server.commands.on(ECHO_COMMAND, echo);
const address = await server.listen({ host: "127.0.0.1", port: 0 });
process.send?.(address);
// The parent holds the other end of the channel: when it is gone, so is the need for this process.
process.on("disconnect", () => {
  void server.close();
});
