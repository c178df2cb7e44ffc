import { describe, expect, test } from "vitest";
import { CommandTable } from "../src/index.ts";
import { ECHO, NOTE, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { echo, startClient, startServer } from "./support/pair.ts";
import {
  RAW_IDENTITY,
  RAW_LIMITS,
  SHORT_HEADER_IDENTITY,
  rawAccept,
  rawClient,
  rawServer,
} from "./support/raw-peer.ts";

// A peer that does not announce groups knows the 16 bytes of the short header and nothing else.

describe("a peer without groups", () => {
  test("that is called gets the short header, and nothing for a group", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([
      startClient({ address }),
      rawAccept(peers, RAW_LIMITS, SHORT_HEADER_IDENTITY),
    ]);
    const error = await failureOf(client.call(ECHO, 5, 0, writeText, "hi", readText));
    expect(error).toMatchObject({ code: "DT_RPC_NO_GROUPS", mayHaveExecuted: false });
    expect(client.oneWay(NOTE, 5, writeText, "hi")).toBe(false);
    const call = client.call(ECHO, 0, 0, writeText, "hi", readText);
    const frame = await peer.frame();
    expect(frame.slice(0, 16)).toBe("0000000e11000100");
    peer.send(`0000000e 12 00 0100 ${frame.slice(16, 24)} 00000000 6f6b`);
    expect(await call).toBe("ok");
  });

  test("that calls is served in group 0, and is pushed nothing of a group", async () => {
    const { server, address } = await startServer();
    server.groups.register(5, new CommandTable().on(ECHO, echo));
    const peer = await rawClient(address, RAW_LIMITS, SHORT_HEADER_IDENTITY);
    peer.send("0000000e 11 00 0100 00000007 00000000 6869");
    expect(await peer.frame()).toBe("0000000e" + "12000100" + "00000007" + "00000000" + "6869");
    const [connection] = server.connections;
    expect(connection?.peer.capabilities).toEqual([]);
    expect(connection?.oneWay(NOTE, 5, writeText, "hi")).toBe(false);
    expect(connection?.oneWay(NOTE, 0, writeText, "hi")).toBe(true);
    expect(await peer.frame()).toBe("0000000e" + "13000103" + "00000000" + "00000000" + "6869");
  });
});

test("a peer with groups is pushed frames with the id of their group", async () => {
  const { server, address } = await startServer();
  const peer = await rawClient(address, RAW_LIMITS, RAW_IDENTITY);
  const [connection] = server.connections;
  expect(connection?.oneWay(NOTE, 5, writeText, "hi")).toBe(true);
  expect(await peer.frame()).toBe(
    "00000012" + "13010103" + "00000000" + "00000000" + "00000005" + "6869",
  );
});

test("this side announces groups, and what its user adds", async () => {
  const { server, address } = await startServer();
  const client = await startClient({ address, identity: { capabilities: ["mine", "groups"] } });
  const [far] = server.connections;
  expect(far?.peer.capabilities).toContain("groups");
  expect(far?.peer.capabilities.filter((name) => name === "groups" || name === "mine")).toEqual([
    "groups",
    "mine",
  ]);
  expect(client.connection?.peer.capabilities).toContain("groups");
});
