// The other process of `dt bench compare grpc`: answers each call with its own body, on @grpc/grpc-js with its defaults.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { announce } from "./announce.ts";
import { GRPC_ECHO } from "./grpc-echo.ts";

const server = new Server();
server.addService(
  { echo: GRPC_ECHO },
  {
    echo: (
      call: { readonly request: Buffer },
      done: (error: null, reply: Buffer) => void,
    ): void => {
      done(null, call.request);
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error;
  }
  announce({ host: "127.0.0.1", port });
});
