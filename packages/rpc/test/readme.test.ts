import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { DEFAULTS } from "../src/index.ts";
import type { AnswerCode, RpcFault } from "../src/index.ts";

const packageRoot = new URL("../../", import.meta.url);
const readme = await readFile(new URL("README.md", packageRoot), "utf8");

// The type checker refuses a code too many in these two and one that is missing.
const faults = {
  DT_RPC_BAD_REPLY: true,
  DT_RPC_CANCELLED: true,
  DT_RPC_CLOSED: true,
  DT_RPC_CONNECT: true,
  DT_RPC_CONNECTION_LOST: true,
  DT_RPC_CONNECT_TIMEOUT: true,
  DT_RPC_ENCODE: true,
  DT_RPC_FLOW_CONTROL: true,
  DT_RPC_HANDSHAKE_TIMEOUT: true,
  DT_RPC_LISTEN: true,
  DT_RPC_LISTENER: true,
  DT_RPC_NOT_CONNECTED: true,
  DT_RPC_NO_GROUPS: true,
  DT_RPC_NO_STREAMS: true,
  DT_RPC_OPTIONS: true,
  DT_RPC_PEER_SILENT: true,
  DT_RPC_PROTOCOL: true,
  DT_RPC_RECORDING: true,
  DT_RPC_REFUSED: true,
  DT_RPC_REJECTED: true,
  DT_RPC_REMOTE: true,
  DT_RPC_SERVICE: true,
  DT_RPC_SLOW_PEER: true,
  DT_RPC_SOCKET: true,
  DT_RPC_STOPPING: true,
  DT_RPC_STREAM: true,
  DT_RPC_TIMEOUT: true,
  DT_RPC_TLS: true,
  DT_RPC_TOO_LARGE: true,
  DT_RPC_UNAUTHENTICATED: true,
} satisfies Record<RpcFault["code"], true>;

const answers = {
  DT_RPC_BAD_COMPRESSION: true,
  DT_RPC_BAD_REQUEST: true,
  DT_RPC_CERTIFICATE: true,
  DT_RPC_DECOMPRESSED_TOO_LARGE: true,
  DT_RPC_DENIED: true,
  DT_RPC_FIRST_FRAME: true,
  DT_RPC_FRAME_TOO_LARGE: true,
  DT_RPC_GROUP_NOT_FOUND: true,
  DT_RPC_GROUP_STOPPED: true,
  DT_RPC_HANDLER_FAILED: true,
  DT_RPC_HANDSHAKE_TIMEOUT: true,
  DT_RPC_HEADER_VERSION: true,
  DT_RPC_LOGIN_LIMIT: true,
  DT_RPC_MAGIC: true,
  DT_RPC_MALFORMED_FRAME: true,
  DT_RPC_PROTOCOL_VERSION: true,
  DT_RPC_RECEIVER_FULL: true,
  DT_RPC_REPLY_DROPPED: true,
  DT_RPC_REPLY_ENCODE: true,
  DT_RPC_REPLY_TOO_LARGE: true,
  DT_RPC_STOPPING: true,
  DT_RPC_STREAM_CREDIT: true,
  DT_RPC_STREAM_DUPLICATE: true,
  DT_RPC_STREAM_KIND: true,
  DT_RPC_STREAM_MESSAGE: true,
  DT_RPC_STREAM_STATE: true,
  DT_RPC_TOO_MANY_CONNECTIONS: true,
  DT_RPC_TOO_MANY_HANDSHAKES: true,
  DT_RPC_TOO_MANY_STREAMS: true,
  DT_RPC_UNAUTHENTICATED: true,
  DT_RPC_UNKNOWN_COMMAND: true,
  DT_RPC_UNKNOWN_FLAG: true,
  DT_RPC_UNKNOWN_STREAM: true,
} satisfies Record<AnswerCode, true>;

/** The cells of a table's rows, without the header. */
function tableRows(firstHeading: string): string[][] {
  const table = readme.split(`\n| ${firstHeading} |`)[1]?.split("\n\n")[0] ?? "";
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

test("the example in the README is the one that runs, and does what it looks like", async () => {
  const source = await readFile(new URL("test/readme-example.ts", packageRoot), "utf8");
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``);
  const compiled = new URL("dist/test/readme-example.js", packageRoot);
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(compiled)]);
  expect(stdout).toBe("hello world\n");
});

test("the typed service in the README is the example that runs", async () => {
  const source = await readFile(new URL("examples/archive.ts", packageRoot), "utf8");
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``);
});

test("the README lists every error code, once and in order, with what to do", () => {
  const rows = tableRows("code");
  expect(rows.map((row) => row[0])).toEqual(Object.keys(faults));
  for (const row of rows) {
    expect(row.map((cell) => cell !== "")).toEqual([true, true, true, true, true]);
  }
});

test("the README lists every code that rpc answers with", () => {
  expect(tableRows("remote code").map((row) => row[0])).toEqual(Object.keys(answers));
});

test("the README states the defaults there are", () => {
  const stated = new Map(tableRows("option").map((row) => [row[0], row[2]]));
  for (const [name, value] of Object.entries(DEFAULTS)) {
    expect([name, stated.get(name)]).toEqual([name, String(value)]);
  }
});

test("every code of the README occurs in a test", async () => {
  const sources: string[] = [];
  for (const folder of ["src", "test"]) {
    const files = await readdir(new URL(folder, packageRoot), { recursive: true });
    for (const file of files.filter((name) => name.endsWith(".test.ts"))) {
      if (!file.endsWith("readme.test.ts")) {
        sources.push(await readFile(new URL(`${folder}/${file}`, packageRoot), "utf8"));
      }
    }
  }
  const text = sources.join("\n");
  const codes = [...tableRows("code"), ...tableRows("remote code")].map((row) => row[0] ?? "");
  const untested = codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(text));
  expect(untested).toEqual([]);
});
