// The other process of `dt bench rpc`: answers each call with its own body, in group 0 and in the groups
// that argv[2] tells.
import { CommandTable, RpcServer } from "@dt/rpc";
import type { IncomingRequest } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";
import { announce } from "./announce.ts";
import type { EchoServerOptions } from "./echo-run.ts";
import { ECHO_COMMAND } from "./rpc-echo.ts";

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

const { groups, tls } = JSON.parse(process.argv[2] ?? "") as EchoServerOptions;
const server = new RpcServer(tls === undefined ? {} : { tls });
server.commands.on(ECHO_COMMAND, echo);
for (let groupId = 1; groupId <= groups; groupId++) {
  server.groups.register(groupId, new CommandTable().on(ECHO_COMMAND, echo));
}
announce(await server.listen({ host: "127.0.0.1", port: 0 }));
