import { describe, expect, onTestFinished, test } from "vitest";
import { RpcError, RpcPool, RpcServer, Status } from "../src/index.ts";
import { HOLD, NOTE, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { holdOn, startServer } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { Address, PoolOptions } from "../src/index.ts";

const WHO = 300;
const QUICK = { reconnectMinMs: 1, reconnectMaxMs: 5 };

/** Servers that answer with their number, and how often each was asked. */
async function startServers(
  count: number,
): Promise<{ servers: RpcServer[]; addresses: Address[]; asked: number[] }> {
  const started = await Promise.all(Array.from({ length: count }, () => startServer()));
  const asked = started.map(() => 0);
  started.forEach(({ server }, index) => {
    server.commands.on(WHO, (request) => {
      asked[index] = (asked[index] ?? 0) + 1;
      request.reply(writeText, `${index}`);
    });
  });
  return {
    servers: started.map(({ server }) => server),
    addresses: started.map(({ address }) => address),
    asked,
  };
}

async function startPool(options: PoolOptions): Promise<RpcPool> {
  const pool = new RpcPool({ ...QUICK, ...options });
  onTestFinished(() => pool.close());
  await Promise.all(pool.endpoints.map(({ client }) => client.connect()));
  return pool;
}

function who(pool: RpcPool, timeoutMs = 60_000): Promise<string> {
  return pool.call(WHO, 0, timeoutMs, writeText, "", readText);
}

describe("a pool", () => {
  test("lets calls, one-ways and channels go round", async () => {
    const { addresses, servers } = await startServers(3);
    const notes = [0, 0, 0];
    servers.forEach((server, index) => {
      server.commands.on(NOTE, () => (notes[index] = (notes[index] ?? 0) + 1));
    });
    const pool = await startPool({ addresses });
    const replies = await Promise.all(Array.from({ length: 9 }, () => who(pool)));
    expect(replies.join("")).toBe("012012012");
    for (let count = 0; count < 6; count++) {
      expect(pool.oneWay(NOTE, 0, writeText, "")).toBe(true);
    }
    await until(() => notes.join() === "2,2,2", "the one-ways");
    const connections = new Set([pool.connection, pool.connection, pool.connection]);
    expect(connections.size).toBe(3);
  });

  test("connects when one of its servers can be reached, and finds the others later", async () => {
    const gone = await startServer();
    await gone.server.close();
    const { addresses } = await startServers(1);
    const pool = new RpcPool({ ...QUICK, addresses: [gone.address, ...addresses] });
    onTestFinished(() => pool.close());
    const events: unknown[] = [];
    pool.onConnect((_connection, address) => events.push(address));
    await pool.connect();
    expect(await who(pool)).toBe("0");
    const back = new RpcServer();
    onTestFinished(() => back.close());
    await back.listen(gone.address);
    await until(() => pool.endpoints.every(({ isConnected }) => isConnected), "the other one");
    expect(events).toEqual([...addresses, gone.address]);
  });

  test("says why when none can be reached", async () => {
    const gone = await startServer();
    await gone.server.close();
    const pool = new RpcPool({ addresses: [gone.address] });
    onTestFinished(() => pool.close());
    expect((await failureOf(pool.connect())).code).toBe("DT_RPC_CONNECT");
    expect((await failureOf(who(pool))).code).toBe("DT_RPC_NOT_CONNECTED");
    expect(pool.oneWay(NOTE, 0, writeText, "")).toBe(false);
    expect([pool.connection, pool.isConnected]).toEqual([null, false]);
  });

  test("loses no call while servers close in good order", async () => {
    const { addresses, servers } = await startServers(3);
    const pool = await startPool({ addresses });
    const losses: unknown[] = [];
    pool.onDisconnect((_error, address) => losses.push(address));
    const replies: Promise<string>[] = [];
    for (const server of servers.slice(0, 2)) {
      for (let count = 0; count < 100; count++) {
        replies.push(who(pool));
      }
      const closed = server.close({ drainMs: 60_000 });
      for (let count = 0; count < 100; count++) {
        replies.push(who(pool));
      }
      await closed;
    }
    await Promise.all(replies);
    expect(await who(pool)).toBe("2");
    await until(() => losses.length === 2, "the ends of the connections");
  });

  test("sends on what was not sent, and repeats nothing that was", async () => {
    const { addresses, servers } = await startServers(2);
    const held = servers.map((server) => holdOn(server.commands));
    const pool = await startPool({ addresses, maxInFlightRequests: 1 });
    const outcomes = [1, 2, 3, 4].map((index) =>
      pool.call(HOLD, 0, 0, writeText, `${index}`, readText).catch((error: unknown) => error),
    );
    await until(() => held.every((requests) => requests.length === 1), "a request at each server");
    // 1 is at the first server and 3 waits for its permit there.
    const [connection] = servers[0]?.connections ?? [];
    connection?.destroy(new RpcError({ code: "DT_RPC_SOCKET", errno: "TEST" }));
    expect(await outcomes[0]).toMatchObject({
      code: "DT_RPC_CONNECTION_LOST",
      mayHaveExecuted: true,
    });
    held[1]?.[0]?.reply(writeText, "second");
    expect(await outcomes[1]).toBe("second");
    let answered = 0;
    await until(() => {
      for (const request of held.flat()) {
        if (!request.isAnswered && request.connection.isOpen) {
          request.reply(writeText, "sent on");
          answered++;
        }
      }
      return answered === 2;
    }, "the calls that waited");
    expect(await Promise.all(outcomes.slice(2))).toEqual(["sent on", "sent on"]);
  });

  test("leaves out a server that is there and does not serve, and tries it again", async () => {
    const { addresses, servers, asked } = await startServers(2);
    let isReady = false;
    servers[0]?.commands.off(WHO);
    servers[0]?.commands.on(WHO, (request) => {
      asked[0] = (asked[0] ?? 0) + 1;
      if (isReady) {
        request.reply(writeText, "0");
      } else {
        request.fail(Status.notReady, "DT_X_NOT_READY", "not yet");
      }
    });
    const pool = await startPool({ addresses, unhealthyAfter: 3, unhealthyMs: 3_600_000 });
    const outcomes: string[] = [];
    for (let count = 0; count < 20; count++) {
      outcomes.push(await who(pool).catch((error: unknown) => String((error as RpcError).code)));
    }
    expect(outcomes.filter((outcome) => outcome === "DT_RPC_REMOTE")).toHaveLength(3);
    expect(asked[0]).toBe(3);
    expect(pool.endpoints.map(({ isHealthy }) => isHealthy)).toEqual([false, true]);
    // One that is left out is better than none.
    isReady = true;
    await servers[1]?.close();
    await until(() => pool.endpoints[1]?.isConnected === false, "the end of the other");
    expect(await who(pool)).toBe("0");
    expect(pool.endpoints[0]?.isHealthy).toBe(true);
  });

  test("gives a server its next chance when the time is over", async () => {
    const { addresses, asked, servers } = await startServers(2);
    const held = holdOn(servers[0]!.commands);
    const pool = await startPool({ addresses, unhealthyAfter: 1, unhealthyMs: 1 });
    const late = await failureOf(pool.call(HOLD, 0, 10, writeText, "", readText));
    expect(late.code).toBe("DT_RPC_TIMEOUT");
    expect(held.length).toBeLessThanOrEqual(1);
    await until(() => {
      void who(pool).catch(() => {});
      return (asked[0] ?? 0) > 0;
    }, "calls at the first server again");
  });

  test("does not take calls that had no time for a server that does not serve", async () => {
    const { addresses } = await startServers(2);
    const pool = await startPool({ addresses, unhealthyAfter: 1 });
    const over = { deadlineMs: 1, traceparent: null };
    for (let count = 0; count < 4; count++) {
      const late = await failureOf(pool.call(WHO, 0, 0, writeText, "", readText, over));
      expect(late).toMatchObject({ code: "DT_RPC_TIMEOUT", mayHaveExecuted: false });
    }
    expect(pool.endpoints.map(({ isHealthy }) => isHealthy)).toEqual([true, true]);
  });

  test("takes no calls after its end", async () => {
    const { addresses } = await startServers(2);
    const pool = await startPool({ addresses });
    await pool.close();
    expect((await failureOf(who(pool))).code).toBe("DT_RPC_NOT_CONNECTED");
    expect((await failureOf(pool.connect())).code).toBe("DT_RPC_CLOSED");
  });

  test.each([
    [{ addresses: [] }, /addresses: not a list/u],
    [{ addresses: [{ path: "/a" }, { path: "/a" }] }, /there twice/u],
    [{ addresses: [{ path: "/a" }], unhealthyAfter: 0, unhealthyMs: 0 }, /After: 0.*Ms: 0/u],
    [{ addresses: [{ path: "/a" }], maxFrameBytes: 1 }, /maxFrameBytes/u],
  ])("refuses options %#", (options, message) => {
    expect(() => new RpcPool(options)).toThrow(message);
  });
});
