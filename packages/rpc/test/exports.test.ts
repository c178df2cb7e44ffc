import { expect, test } from "vitest";
import * as rpc from "../src/index.ts";

test("the package exports these values and no others", () => {
  expect(Object.keys(rpc).sort()).toEqual([
    "CommandTable",
    "Connection",
    "Counters",
    "DEFAULTS",
    "FIRST_USER_COMMAND",
    "GroupDispatcher",
    "HEADER_BYTES",
    "IncomingRequest",
    "Kind",
    "PROTOCOL_MAJOR",
    "PROTOCOL_MINOR",
    "RpcClient",
    "RpcError",
    "RpcMetrics",
    "RpcServer",
    "ServiceError",
    "Status",
    "addService",
    "asyncHandler",
    "createClient",
    "errorDetail",
    "logging",
    "methodCommand",
    "parseTraceparent",
    "statusName",
    "tracing",
  ]);
});
