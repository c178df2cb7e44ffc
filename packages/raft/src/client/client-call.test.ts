import { RpcError } from "@dt/rpc";
import { expect, test } from "vitest";
import { ClientCall } from "./client-call.ts";
import { GroupRoute } from "./group-route.ts";
import { RaftClient } from "./raft-client.ts";

/** Port 1 answers nobody. */
const NOBODY = [{ host: "127.0.0.1", port: 1 }];

test("a call whose first attempt may have been executed says so, whatever became of later ones", async () => {
  const client = new RaftClient({ endpoints: NOBODY });
  const ended = new Promise((resolve, reject) => {
    const call = new ClientCall(
      client,
      new GroupRoute(1),
      256,
      () => {},
      null,
      () => null,
      50,
      performance.now() + 50,
      true,
      undefined,
      resolve,
      reject,
    );
    call.onFail(new RpcError({ code: "DT_RPC_CLOSED", wasSent: true }));
    call.route.waiting = [];
    call.onFail(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
  });
  try {
    await expect(ended).rejects.toMatchObject({
      code: "DT_RAFT_OUTCOME_UNKNOWN",
      mayHaveExecuted: true,
    });
  } finally {
    await client.close();
  }
});
