import { Client, credentials } from "@grpc/grpc-js";
import type { EchoCaller, HostPort } from "./echo-caller.ts";

function sameBytes(bytes: Buffer): Buffer {
  return bytes;
}

/** A unary method whose messages are bytes: neither side spends time on protobuf. */
export const GRPC_ECHO = {
  path: "/dt.bench.Echo/Echo",
  requestStream: false,
  responseStream: false,
  requestSerialize: sameBytes,
  requestDeserialize: sameBytes,
  responseSerialize: sameBytes,
  responseDeserialize: sameBytes,
} as const;

/** Calls a grpc-js echo server over one connection: a promise and a deadline for each call. */
export function openGrpcCaller(address: HostPort, body: Buffer, timeoutMs: number): EchoCaller {
  const client = new Client(`${address.host}:${address.port}`, credentials.createInsecure());
  return {
    call: () =>
      new Promise<number>((resolve, reject) => {
        client.makeUnaryRequest<Buffer, Buffer>(
          GRPC_ECHO.path,
          sameBytes,
          sameBytes,
          body,
          { deadline: Date.now() + timeoutMs },
          (error, reply) => {
            if (error === null) {
              resolve(reply?.length ?? 0);
            } else {
              reject(error);
            }
          },
        );
      }),
    close: () => {
      client.close();
      return Promise.resolve();
    },
  };
}
