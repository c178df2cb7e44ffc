import { RpcError, Status } from "@dt/rpc";
import { expect, onTestFinished, test } from "vitest";
import { ClientCall } from "./client-call.ts";
import { CallRouter } from "./call-router.ts";
import { Links } from "./links.ts";

/** Port 1 answers nobody. */
const NOBODY = [{ host: "127.0.0.1", port: 1 }];

interface Started {
  readonly call: ClientCall;
  readonly ended: Promise<unknown>;
  readonly router: CallRouter;
}

/** A call that is under way; nobody leads. */
function started(timeoutMs: number): Started {
  const links = new Links(NOBODY, {});
  const router = new CallRouter(links, () => {});
  onTestFinished(async () => {
    router.close();
    await links.close();
  });
  let call: ClientCall | undefined;
  const ended = new Promise((resolve, reject) => {
    call = new ClientCall(
      router,
      router.routeOf(1),
      256,
      () => {},
      null,
      () => null,
      timeoutMs,
      performance.now() + timeoutMs,
      true,
      undefined,
      resolve,
      reject,
    );
  });
  return { call: call as ClientCall, ended, router };
}

/** An attempt that may have been executed ends, and the call waits for the next one. */
function loseAnswer(call: ClientCall): void {
  call.onFail(new RpcError({ code: "DT_RPC_CLOSED", wasSent: true }));
  call.route.waiting = [];
}

function refusal(status: Status, remoteCode: string): RpcError {
  const fault = { code: "DT_RPC_REMOTE", status, remoteCode, remoteMessage: "" } as const;
  return new RpcError({ ...fault, detail: null });
}

const UNKNOWN = { code: "DT_RAFT_OUTCOME_UNKNOWN", mayHaveExecuted: true };

test("a call whose first attempt may have been executed says so, whatever became of later ones", async () => {
  const { call, ended } = started(50);
  loseAnswer(call);
  call.onFail(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
  await expect(ended).rejects.toMatchObject(UNKNOWN);
});

test.each([
  refusal(Status.flowControl, "DT_RAFT_PROPOSALS_FULL"),
  refusal(Status.denied, "DT_RAFT_NO_SPACE"),
  refusal(Status.denied, "DT_RAFT_SESSION_SEQUENCE"),
  refusal(Status.denied, "DT_RPC_DENIED"),
  new RpcError({ code: "DT_RPC_FLOW_CONTROL", waitingCalls: 1, limit: 1 }),
])("nor is it taken for unexecuted when a later attempt gets $message", async (error) => {
  const { call, ended } = started(10_000);
  loseAnswer(call);
  call.onFail(error);
  await expect(ended).rejects.toMatchObject({ ...UNKNOWN, cause: error });
});

test("the answer of a service to a later attempt is the answer", async () => {
  const { call, ended } = started(10_000);
  loseAnswer(call);
  const error = refusal(Status.invalid, "TEST_REFUSED");
  call.onFail(error);
  await expect(ended).rejects.toBe(error);
});

test("closing the client does not turn what may have been executed into what was not", async () => {
  const waiting = started(10_000);
  waiting.call.onFail(new RpcError({ code: "DT_RPC_CLOSED", wasSent: true }));
  waiting.router.close();
  await expect(waiting.ended).rejects.toMatchObject(UNKNOWN);
  const underWay = started(10_000);
  loseAnswer(underWay.call);
  underWay.router.close();
  underWay.call.onFail(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
  await expect(underWay.ended).rejects.toMatchObject(UNKNOWN);
});
