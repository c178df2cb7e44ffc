import { describe, expect, test } from "vitest";
import { CommandTable, Status, tokenAuth, tokenCredentials, tokenDigest } from "../src/index.ts";
import { ECHO, NOTE, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { echo, startClient, startServer } from "./support/pair.ts";
import { until } from "./support/until.ts";

const tokens = tokenAuth([{ name: "ci", sha256: tokenDigest("t0ken") }]);
const ci = tokenCredentials("t0ken", { allowPlaintext: true });

describe("authorize", () => {
  test("decides by identity, command and group, for requests and one-ways", async () => {
    const asked: unknown[] = [];
    const { server, address } = await startServer({
      auth: { mechanisms: [tokens] },
      authorize({ name }, command, groupId) {
        asked.push([name, command, groupId]);
        return command === ECHO && groupId !== 6;
      },
    });
    server.groups.register(5, new CommandTable().on(ECHO, echo));
    server.groups.register(6, new CommandTable().on(ECHO, echo));
    const client = await startClient({ address, auth: ci });
    const nacks: unknown[] = [];
    client.connection?.onNack((groupId, status, command) => nacks.push([groupId, status, command]));
    expect(await client.call(ECHO, 5, 5000, writeText, "hi", readText)).toBe("hi");
    const denied = await failureOf(client.call(ECHO, 6, 5000, writeText, "hi", readText));
    expect(denied).toMatchObject({
      code: "DT_RPC_REMOTE",
      status: Status.denied,
      remoteCode: "DT_RPC_DENIED",
      mayHaveExecuted: false,
    });
    client.oneWay(NOTE, 0, writeText, "");
    await until(() => nacks.length === 1, "the nack");
    expect(nacks).toEqual([[0, Status.denied, NOTE]]);
    expect(asked).toEqual([
      ["ci", ECHO, 5],
      ["ci", ECHO, 6],
      ["ci", NOTE, 0],
    ]);
  });

  test("that throws is a no, and the connection goes on", async () => {
    let calls = 0;
    const { server, address } = await startServer({
      authorize() {
        calls++;
        if (calls === 1) {
          throw new Error("no verdict");
        }
        return true;
      },
    });
    const client = await startClient({ address });
    const error = await failureOf(client.call(ECHO, 0, 5000, writeText, "", readText));
    expect(error.remoteCode).toBe("DT_RPC_DENIED");
    expect(await client.call(ECHO, 0, 5000, writeText, "x", readText)).toBe("x");
    expect(server.counters.handlerErrors).toBe(1);
  });
});
