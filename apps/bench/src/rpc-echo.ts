import { RpcClient } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";
import type { EchoCaller, HostPort } from "./echo-caller.ts";

export const ECHO_COMMAND = 256;

/** Calls an echo server over one connection: a promise and a deadline for each call. `groups` 0 is no group, without `ca` no TLS. */
export async function openRpcCaller(
  address: HostPort,
  body: Buffer,
  timeoutMs: number,
  groups: number,
  ca: string | undefined,
): Promise<EchoCaller> {
  const client = new RpcClient({ address, ...(ca === undefined ? {} : { tls: { ca } }) });
  await client.connect();
  let groupId = 0;
  return {
    call: () => {
      groupId = groupId >= groups ? Math.min(1, groups) : groupId + 1;
      return client.call(ECHO_COMMAND, groupId, timeoutMs, encodeBytes, body, bodyBytes);
    },
    close: () => client.close(),
  };
}

function encodeBytes(writer: ByteWriter, bytes: Buffer): void {
  writer.range(bytes, 0, bytes.length);
}

function bodyBytes(_body: Buffer, start: number, end: number): number {
  return end - start;
}
