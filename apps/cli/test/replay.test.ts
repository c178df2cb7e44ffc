import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RpcClient, RpcServer, TrafficRecorder } from "@dt/rpc";
import type { Address, Handler } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CliExit } from "../src/exit-code.ts";
import { dt } from "./run-dt.kit.ts";

const UPPER = 300;
const FILE = "traffic.dtr";
const REQUESTS = 250;

let directory = "";

const upper: Handler = (request, body, start, end) => {
  request.replyBytes(Buffer.from(body.toString("utf8", start, end).toUpperCase()));
};
const lower: Handler = (request, body, start, end) => {
  request.replyBytes(Buffer.from(body.toString("utf8", start, end).toLowerCase()));
};

function writeText(writer: ByteWriter, text: string): void {
  writer.utf8(text);
}

function readText(body: Buffer, start: number, end: number): string {
  return body.toString("utf8", start, end);
}

async function listen(server: RpcServer): Promise<string> {
  const address: Address = await server.listen({ host: "127.0.0.1", port: 0 });
  return "port" in address ? `${address.host}:${address.port}` : "";
}

async function serve(handler: Handler): Promise<string> {
  const server = new RpcServer();
  onTestFinished(() => server.close());
  server.commands.on(UPPER, handler);
  return listen(server);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dt-cli-replay-"));
  const recorder = await TrafficRecorder.create(join(directory, FILE));
  const server = new RpcServer({}, { interceptors: [recorder] });
  server.commands.on(UPPER, upper);
  const [host = "", port] = (await listen(server)).split(":");
  const client = new RpcClient({ address: { host, port: Number(port) } });
  await client.connect();
  const calls = Array.from({ length: REQUESTS }, (_, index) =>
    client.call(UPPER, 0, 0, writeText, `text ${index}`, readText),
  );
  await Promise.all(calls);
  await client.close();
  await server.close();
  await recorder.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function replay(endpoint: string, ...more: string[]) {
  return dt(["rpc", "replay", FILE, "--endpoint", endpoint, ...more], { cwd: directory });
}

describe("dt rpc replay", () => {
  it("finds the same answers on a server that is the same", async () => {
    const { code, stdout } = await replay(await serve(upper), "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({ requests: REQUESTS, equal: REQUESTS, missing: 0 });
    expect(code).toBe(CliExit.ok);
  });

  it("shows what is different on one that is not, and fails", async () => {
    const { code, stdout } = await replay(await serve(lower), "--in-flight", "3");
    expect(code).toBe(CliExit.failed);
    expect(stdout).toMatch(/different +250\n/);
    expect(stdout).toMatch(/300 +0 +ok {2}6 +ok {2}6/);
  });

  it("shows a progress bar on a terminal, at the recorded pace too", async () => {
    const endpoint = await serve(upper);
    const args = ["rpc", "replay", FILE, "--endpoint", endpoint, "--speed", "recorded"];
    const { code, stderr } = await dt(args, { cwd: directory, isTerminal: true });
    expect(stderr).toContain("replay");
    expect(stderr).toContain("250/250");
    expect(code).toBe(CliExit.ok);
  });

  it("reads a torn recording as far as it goes, and says how much is left out", async () => {
    const endpoint = await serve(upper);
    const torn = join(directory, "torn.dtr");
    copyFileSync(join(directory, FILE), torn);
    truncateSync(torn, statSync(torn).size - 5);
    const args = ["rpc", "replay", "torn.dtr", "--endpoint", endpoint, "-o", "json"];
    const { code, stdout } = await dt(args, { cwd: directory });
    expect(JSON.parse(stdout)).toMatchObject({ equal: REQUESTS - 1, unrecorded: 1 });
    expect((JSON.parse(stdout) as { unreadBytes: number }).unreadBytes).toBeGreaterThan(0);
    expect(code).toBe(CliExit.ok);
  });

  it("says what is wrong with the file, the address or the server", async () => {
    const endpoint = await serve(upper);
    const missing = ["rpc", "replay", "nothing.dtr", "--endpoint", endpoint];
    expect(await dt(missing, { cwd: directory })).toMatchObject({ code: CliExit.usage });
    writeFileSync(join(directory, "other.dtr"), "x".repeat(100));
    const other = await dt(["rpc", "replay", "other.dtr", "--endpoint", endpoint], {
      cwd: directory,
    });
    expect(other.stderr).toContain("DT_CLI_FILE: other.dtr: no recording");
    expect((await replay("nowhere")).stderr).toContain("DT_CLI_ENDPOINTS");
    const nobody = await replay("127.0.0.1:1");
    expect(nobody.stderr).toContain("DT_RPC_CONNECT");
    expect(nobody.code).not.toBe(CliExit.ok);
  });
});
