import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ADD_CODEC, Counters, runGuide } from "../examples/guide.ts";
import { SimCluster } from "../src/testing/index.ts";
import { freePorts } from "../src/testing/free-ports.ts";

const PACKAGE = new URL("../../", import.meta.url);

/** Without indentation: a page shows the inside of functions, too. */
function lines(text: string): string {
  return text.replaceAll(/^ +/gmu, "");
}

test("the guide shows code that is run", () => {
  const guide = readFileSync(new URL("GUIDE.md", PACKAGE), "utf8");
  const sources = ["examples/guide.ts", "test/guide.test.ts"].map((name) =>
    lines(readFileSync(new URL(name, PACKAGE), "utf8")),
  );
  const blocks = [...guide.matchAll(/^```ts\n([^]*?)^```$/gmu)].map(([, code = ""]) => lines(code));
  expect(blocks.length).toBeGreaterThan(4);
  const isShown = (block: string): boolean => sources.some((s) => s.includes(block.trim()));
  expect(blocks.filter((block) => !isShown(block))).toEqual([]);
});

test("the service of the guide adds, on every node", async () => {
  const { answer, nodes } = await runGuide(await freePorts(3));
  expect(answer).toBe(42);
  expect(nodes.some(({ counters }) => counters.read("apples") === 42)).toBe(true);
  expect(nodes.every(({ log }) => log.entries >= 3)).toBe(true);
});

test("its state machine is restored from a snapshot, and its codec refuses nonsense", async () => {
  const [from, to] = [new Counters(), new Counters()];
  async function* once(): AsyncGenerator<Buffer> {
    yield Buffer.from('[["apples",7]]');
  }
  await from.restoreSnapshot(once());
  const source = from.takeSnapshot();
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let chunk = source.next(1); chunk !== null; chunk = source.next(1)) {
      yield chunk;
    }
  }
  await to.restoreSnapshot(chunks());
  expect(to.read("apples")).toBe(7);
  expect(() => ADD_CODEC.decode(Buffer.from("{}"))).toThrow(TypeError);
});

test("its simulated cluster settles", () => {
  const others = [1, 2, 3];
  const cluster = new SimCluster({ seed: 1, nodeCount: 3 });
  const leader = cluster.runUntilLeader();
  cluster.network.cut([leader.id], others);
  cluster.run(5000);
  cluster.network.heal();
  cluster.settle();
  cluster.checkHistory();
});
