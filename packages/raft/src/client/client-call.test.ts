import { RpcError } from "@dt/rpc";
import { expect, test } from "vitest";
import { ClientCall } from "./client-call.ts";
import { GroupRoute } from "./group-route.ts";
import { CallRouter } from "./call-router.ts";
import { Links } from "./links.ts";

/** Port 1 answers nobody. */
const NOBODY = [{ host: "127.0.0.1", port: 1 }];

test("a call whose first attempt may have been executed says so, whatever became of later ones", async () => {
  const links = new Links(NOBODY, {});
  const router = new CallRouter(links, () => {});
  const ended = new Promise((resolve, reject) => {
    const call = new ClientCall(
      router,
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
    router.close();
    await links.close();
  }
});
