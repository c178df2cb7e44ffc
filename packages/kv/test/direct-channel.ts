import { RpcClient, RpcError, RpcServer } from "@dt/rpc";
import type { Decode, Encode } from "@dt/rpc";
import { CommandTable } from "@dt/rpc";
import type { ChannelCallOptions, KvChannel } from "../src/client/channel.ts";

const TIMEOUT_MS = 10_000;

/** Calls one server, whoever leads, and repeats nothing. */
export class DirectChannel implements KvChannel {
  readonly rpc: RpcClient;
  /** Calls made so far. */
  callCount = 0;

  constructor(rpc: RpcClient) {
    this.rpc = rpc;
  }

  call<A, T>(
    command: number,
    groupId: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
    options?: ChannelCallOptions,
  ): Promise<T> {
    this.callCount++;
    const timeoutMs = options?.timeoutMs ?? TIMEOUT_MS;
    return this.rpc
      .call(command, groupId, timeoutMs, encode, argument, decode)
      .catch((error: unknown) => {
        throw error instanceof RpcError && options?.toError ? options.toError(error) : error;
      });
  }
}

export interface Link {
  readonly channel: DirectChannel;
  /** Commands of the group that the channel's calls are for. */
  readonly table: CommandTable;
  close(): Promise<void>;
}

/** A server on loopback with one group, and a client connected to it. */
export async function openLink(groupId: number): Promise<Link> {
  const server = new RpcServer();
  const table = new CommandTable();
  server.groups.register(groupId, table);
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  const client = new RpcClient({ address });
  await client.connect();
  return {
    channel: new DirectChannel(client),
    table,
    async close() {
      await client.close();
      await server.close();
    },
  };
}
