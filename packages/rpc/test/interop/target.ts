import { CommandTable, RpcServer, Status } from "../../src/index.ts";
import { ECHO, FAIL, NOTE, writeText } from "../support/bodies.ts";
import { echo } from "../support/pair.ts";
import { StreamLog } from "../support/stream-log.ts";
import type { ServerDeps, ServerOptions } from "../../src/index.ts";

export const COUNT = 300;
export const GROUP = 5;

/**
 * The server that PROTOCOL.md speaks to: command 256 echoes, also in group 5; 258 fails; 259 is for
 * one-ways; 300 takes a stream, sends each message back and answers with how many there were.
 */
export function createInteropServer(options: ServerOptions = {}, deps: ServerDeps = {}): RpcServer {
  const identity = { processId: "00112233445566778899aabbccddeeff", role: "server" };
  const server = new RpcServer({ identity, ...options }, deps);
  server.commands
    .on(ECHO, echo)
    .on(NOTE, () => {})
    .on(FAIL, (request) => {
      request.failWith(Status.notLeader, "NOT_HERE", "ask the other one", writeText, "10.0.0.2");
    })
    .on(COUNT, (request) => {
      const log = new EchoLog();
      const { streams } = request.connection;
      const accepted = streams.accept(request, { messages: 4, bytes: 4096 }, log);
      if (accepted !== null) {
        log.stream = accepted.stream;
        log.onLast = () => accepted.reply(writeText, String(log.messages.length));
      }
    });
  server.groups.register(GROUP, new CommandTable().on(ECHO, echo));
  return server;
}

class EchoLog extends StreamLog {
  onLast: () => void = () => {};

  override onMessage(body: Buffer, start: number, end: number): void {
    super.onMessage(body, start, end);
    this.stream?.send(writeText, this.messages.at(-1) ?? "");
  }

  override onEnd(): void {
    this.onLast();
  }
}
