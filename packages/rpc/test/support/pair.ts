import { onTestFinished } from "vitest";
import { RpcClient, RpcServer } from "../../src/index.ts";
import { ECHO, HOLD } from "./bodies.ts";
import type {
  Address,
  ClientDeps,
  ClientOptions,
  CommandTable,
  Connection,
  IncomingRequest,
  ServerDeps,
  ServerOptions,
} from "../../src/index.ts";

/** Answers with the body of the request. */
export function echo(request: IncomingRequest, body: Buffer, start: number, end: number): void {
  request.replyBytes(body.subarray(start, end));
}

/** Keeps requests until the test answers them. */
export function holdOn(table: CommandTable): IncomingRequest[] {
  const held: IncomingRequest[] = [];
  table.on(HOLD, (request) => {
    held.push(request);
  });
  return held;
}

export const LOOPBACK: Address = { host: "127.0.0.1", port: 0 };

/** A listening server with an echo command, closed when the test ends. */
export async function startServer(
  options: ServerOptions = {},
  deps: ServerDeps = {},
  listenOn: Address = LOOPBACK,
): Promise<{ server: RpcServer; address: Address }> {
  const server = new RpcServer(options, deps);
  onTestFinished(() => server.close());
  server.commands.on(ECHO, echo);
  const address = await server.listen(listenOn);
  return { server, address };
}

/** A client that is connected, closed when the test ends. */
export async function startClient(
  options: ClientOptions,
  deps: ClientDeps = {},
): Promise<RpcClient> {
  const client = new RpcClient(options, deps);
  onTestFinished(() => client.close());
  await client.connect();
  return client;
}

export interface Pair {
  readonly server: RpcServer;
  readonly client: RpcClient;
  readonly address: Address;
  /** The two ends of the connection. */
  readonly near: Connection;
  readonly far: Connection;
}

export async function startPair(
  serverOptions: ServerOptions = {},
  clientOptions: Omit<ClientOptions, "address"> = {},
  listenOn: Address = LOOPBACK,
): Promise<Pair> {
  const { server, address } = await startServer(serverOptions, {}, listenOn);
  const accepted = new Promise<Connection>((resolve) => {
    server.onConnection(resolve);
  });
  const client = await startClient({ ...clientOptions, address });
  const far = await accepted;
  const near = client.connection;
  if (near === null) {
    throw new Error("the client is not connected");
  }
  return { server, client, address, near, far };
}
