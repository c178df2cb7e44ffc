import { compareRounds } from "./comparison.ts";
import type { Comparison } from "./comparison.ts";
import type { EchoResult } from "./echo-client.ts";
import { runEcho } from "./echo-run.ts";
import type { EchoRunOptions } from "./echo-run.ts";

export interface CompareGrpcOptions extends Omit<EchoRunOptions, "groups"> {
  /** Rounds of each side, in turn. */
  readonly rounds: number;
}

/**
 * The same echo against this project and against @grpc/grpc-js, in turn, each with a server and a client process of its
 * own. Messages of gRPC are plain bytes, so it pays for no protobuf.
 */
export async function compareWithGrpc(options: CompareGrpcOptions): Promise<Comparison> {
  const { size, inFlight, seconds, rounds } = options;
  const ours: EchoResult[] = [];
  const peer: EchoResult[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await runEcho("rpc", { ...options, groups: 0 }));
    peer.push(await runEcho("grpc", { ...options, groups: 0 }));
  }
  return compareRounds({
    workload: "echo",
    config: { size, inFlight, seconds, rounds, peer: "@grpc/grpc-js, one channel" },
    fsync: "none",
    ours,
    peer,
  });
}
