import {
  CommandTable,
  RpcClient,
  RpcServer,
  Status,
  makeScramSecret,
  parseScramSecret,
  scramAuth,
  scramCredentials,
} from "../../src/index.ts";
import { ECHO, FAIL, NOTE, writeText } from "../support/bodies.ts";
import { echo } from "../support/pair.ts";
import { echoStream } from "../support/stream-log.ts";
import type { Address, ClientOptions, ServerOptions } from "../../src/index.ts";

export const GROUP = 7;
export const COUNT = 300;

/** A server and a client whose conversation is captured and damaged. */
export interface Scenario {
  /** Whether the same bytes always get the same answers, in the turn of the request. */
  readonly hasFixedAnswers: boolean;
  createServer(): RpcServer;
  createClient(address: Address, options?: Omit<ClientOptions, "address">): RpcClient;
}

/** Small limits, so that what a peer may make this side hold is small too. */
const LIMITS = {
  maxFrameBytes: 64 * 1024,
  maxInFlightRequests: 64,
  maxInFlightBytes: 1024 * 1024,
  maxSendBufferBytes: 1024 * 1024,
  maxReplyBacklogBytes: 1024 * 1024,
};
const COMPRESSION = { compressAboveBytes: 100 };

/** Calls, groups, one-ways, errors, a stream and compressed bodies. */
export const OPEN: Scenario = {
  hasFixedAnswers: true,
  createServer: () => createServer(COMPRESSION),
  createClient: (address, options) => new RpcClient({ address, ...COMPRESSION, ...options }),
};

const SECRET = parseScramSecret(await makeScramSecret("wonderland", { iterations: 4096 }));
const MECHANISM = scramAuth((name) => (name === "alice" ? SECRET : null), {
  decoyIterations: 4096,
});

/** The same behind an authentication, whose random numbers are other ones each time. */
export const AUTHENTICATED: Scenario = {
  hasFixedAnswers: false,
  createServer: () =>
    createServer({ auth: { mechanisms: [MECHANISM], maxLoginFailures: 2 ** 20 } }),
  createClient: (address, options) =>
    new RpcClient({ address, auth: scramCredentials("alice", "wonderland"), ...options }),
};

/** A server with a command of each kind; all of them answer in the turn of the request. */
function createServer(options: ServerOptions): RpcServer {
  const server = new RpcServer({ ...LIMITS, identity: { role: "target" }, ...options });
  server.commands
    .on(ECHO, echo)
    .on(NOTE, () => {})
    .on(FAIL, (request) => {
      request.failWith(Status.notLeader, "NOT_HERE", "elsewhere", writeText, "detail");
    })
    .on(COUNT, echoStream);
  server.groups.register(
    GROUP,
    new CommandTable().on(ECHO, echo).on(NOTE, () => {}),
  );
  return server;
}
