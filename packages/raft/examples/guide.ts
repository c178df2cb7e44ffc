// The code of GUIDE.md: a replicated set of counters with a codec and a log of its own, in one process.
import type { MessageCodec } from "@dt/codec";
import { MemoryLog, RaftClient, RaftServer, failRequest } from "@dt/raft";
import type { EntryCursor, RaftLog, SnapshotSource, StateMachine, Write } from "@dt/raft";

interface Add {
  readonly name: string;
  readonly amount: number;
}

const ADD_CODEC: MessageCodec<Add> = {
  encode: (message) => ({ finish: () => Buffer.from(JSON.stringify(message)) }),
  decode: (bytes) => {
    const { name, amount } = JSON.parse(Buffer.from(bytes).toString("utf8")) as Partial<Add>;
    if (typeof name !== "string" || typeof amount !== "number") {
      throw new TypeError("no Add");
    }
    return { name, amount };
  },
};

class Counters implements StateMachine<number> {
  readonly #values = new Map<string, number>();

  read(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      const { name, amount } = ADD_CODEC.decode(entries.buf.subarray(entries.start, entries.end));
      const value = this.read(name) + amount;
      this.#values.set(name, value);
      results.push(value);
    }
  }

  takeSnapshot(): SnapshotSource {
    let rest: Buffer | null = Buffer.from(JSON.stringify([...this.#values]));
    return {
      next: (maxBytes) => {
        const chunk = rest?.subarray(0, maxBytes) ?? null;
        rest = rest !== null && rest.length > maxBytes ? rest.subarray(maxBytes) : null;
        return chunk;
      },
      close: () => (rest = null),
    };
  }

  async restoreSnapshot(chunks: AsyncIterable<Buffer>): Promise<void> {
    const parts: Buffer[] = [];
    for await (const chunk of chunks) {
      parts.push(Buffer.from(chunk));
    }
    const values = JSON.parse(Buffer.concat(parts).toString("utf8")) as [string, number][];
    this.#values.clear();
    values.forEach(([name, value]) => this.#values.set(name, value));
  }
}

class MeasuredLog extends MemoryLog implements RaftLog {
  writes = 0;
  entries = 0;

  override write(write: Write, done: (error: Error | null) => void): void {
    this.writes++;
    for (const { firstIndex, lastIndex } of write.batches) {
      this.entries += lastIndex - firstIndex + 1;
    }
    super.write(write, done);
  }
}

const ADD = 256;

export interface Embedded {
  readonly server: RaftServer;
  readonly counters: Counters;
  readonly log: MeasuredLog;
}

async function embed(
  nodeId: number,
  members: readonly { nodeId: number; host: string; port: number }[],
): Promise<Embedded> {
  const server = new RaftServer({ clusterId: "guide", nodeId, members });
  const counters = new Counters();
  const log = new MeasuredLog();
  const group = await server.addGroup({ groupId: 1, stateMachine: counters, log });
  server.commands(group.groupId).on(ADD, (request, body, start, end) => {
    group.propose(0, body, start, end, {
      succeed: (value) => request.reply((writer, v: number) => writer.u32(v), value),
      fail: (error) => failRequest(request, error),
    });
  });
  await server.listen();
  return { server, counters, log };
}

/** Runs three nodes, adds, and returns what the client was told and what each node holds. */
export async function runGuide(
  ports: readonly number[],
): Promise<{ answer: number; nodes: Embedded[] }> {
  const members = ports.map((port, i) => ({ nodeId: i + 1, host: "127.0.0.1", port }));
  const nodes = await Promise.all(members.map(({ nodeId }) => embed(nodeId, members)));
  const client = new RaftClient({ endpoints: members });
  let answer = 0;
  for (const amount of [40, 2]) {
    answer = await client.call(
      ADD,
      1,
      (writer, message: Add) => writer.bytes(ADD_CODEC.encode(message).finish()),
      { name: "apples", amount },
      (body, at) => body.readUInt32BE(at),
    );
  }
  await client.close();
  await Promise.all(nodes.map(({ server }) => server.close()));
  return { answer, nodes };
}

export { ADD_CODEC, Counters };
