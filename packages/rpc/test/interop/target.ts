import { CommandTable, RpcServer, Status } from "../../src/index.ts";
import { ECHO, FAIL, NOTE, writeText } from "../support/bodies.ts";
import { echo } from "../support/pair.ts";
import { echoStream } from "../support/stream-log.ts";
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
    .on(COUNT, echoStream);
  server.groups.register(GROUP, new CommandTable().on(ECHO, echo));
  return server;
}
