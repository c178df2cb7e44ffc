import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ServerError } from "../server-error.ts";
import type { ConfigProblem } from "../server-error.ts";
import { loadConfig, parseConfig } from "./load-config.ts";

const FILE = "/etc/dt/server.yaml";

const MINIMAL = `
cluster:
  id: demo
  members:
    - { id: 1, host: 10.0.0.1, port: 7001 }
    - { id: 2, host: 10.0.0.2, port: 7001 }
node: { id: 2 }
dataDir: data
`;

function problemsOf(text: string, flags = {}, env: NodeJS.ProcessEnv = {}): ConfigProblem[] {
  try {
    parseConfig(text, FILE, flags, env);
  } catch (error) {
    if (error instanceof ServerError && error.fault.code === "DT_SERVER_CONFIG") {
      return [...error.fault.problems];
    }
    throw error;
  }
  throw new Error("the configuration was accepted");
}

function pathsOf(text: string, flags = {}, env: NodeJS.ProcessEnv = {}): string[] {
  return problemsOf(text, flags, env).map(({ path }) => path);
}

describe("a configuration that can be used", () => {
  it("is completed with the defaults of every package", () => {
    const config = parseConfig(MINIMAL, FILE);
    expect(config).toMatchObject({
      clusterId: "demo",
      nodeId: 2,
      dataDir: "/etc/dt/data",
      listen: { host: "10.0.0.2", port: 7001 },
      logLevel: "info",
      stopTimeoutMs: 10_000,
      group: { electionTimeoutMinMs: 1500, heartbeatMs: 300, maxEntryBytes: 2 << 20 },
      storage: { segmentBytes: 64 << 20, durability: "fsync" },
      rpc: {},
    });
    expect(config.members).toEqual([
      { nodeId: 1, host: "10.0.0.1", port: 7001 },
      { nodeId: 2, host: "10.0.0.2", port: 7001 },
    ]);
  });

  it("keeps an absolute data directory and another address to listen on", () => {
    const text = `${MINIMAL.replace("data\n", "/var/lib/dt\n")}listen: { host: 0.0.0.0, port: 8000 }\n`;
    expect(parseConfig(text, FILE)).toMatchObject({
      dataDir: "/var/lib/dt",
      listen: { host: "0.0.0.0", port: 8000 },
    });
  });

  it("cannot be changed by whoever holds it", () => {
    const config = parseConfig(MINIMAL, FILE);
    expect(() => Object.assign(config, { nodeId: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.group, { heartbeatMs: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.listen, { port: 1 })).toThrow(TypeError);
  });
});

describe("aliases", () => {
  const copies = Array.from({ length: 9 }, (_, i) => {
    const ten = Array.from({ length: 10 }, () => (i === 0 ? "x" : `*c${i - 1}`)).join(", ");
    return `c${i}: &c${i} [${ten}]\n`;
  });

  it.each([
    [
      "of nothing",
      `${MINIMAL}log: { level: *nothing }\n`,
      /^line 9, .* \*nothing stands for nothing$/u,
    ],
    [
      "of what they stand in",
      `${MINIMAL}log: &log { level: [*log] }\n`,
      /stands for what it stands in$/u,
    ],
    ["of any number of copies", MINIMAL + copies.join(""), /^Excessive alias count/u],
  ])("%s are refused", (_name, text, message) => {
    expect(problemsOf(text)).toEqual([{ path: "", message: expect.stringMatching(message) }]);
  });

  it("stand for copies", () => {
    const text = MINIMAL.replace("host: 10.0.0.1", "host: &host 10.0.0.1").replace(
      "host: 10.0.0.2, port: 7001",
      "host: *host, port: 7002",
    );
    expect(parseConfig(text, FILE).listen).toEqual({ host: "10.0.0.1", port: 7002 });
  });
});

describe("environment variables in the file", () => {
  const text = `
cluster:
  id: \${CLUSTER:demo}
  members: [{ id: 1, host: "\${HOST:10.0.0.1}", port: 7001 }]
node: { id: "\${NODE}" }
dataDir: \${ROOT:/srv}/dt/$\${x}
`;

  it("are replaced by their values, as text and as numbers", () => {
    const config = parseConfig(text, FILE, {}, { CLUSTER: "prod", NODE: "1", ROOT: "/mnt" });
    expect(config).toMatchObject({ clusterId: "prod", nodeId: 1, dataDir: "/mnt/dt/${x}" });
  });

  it("have defaults for what is not set or empty", () => {
    const config = parseConfig(text, FILE, {}, { NODE: "1", CLUSTER: "" });
    expect(config).toMatchObject({ clusterId: "demo", dataDir: "/srv/dt/${x}" });
  });

  it("are a problem when they are not set and have no default", () => {
    expect(problemsOf(text)).toEqual([
      {
        path: "node.id",
        message: "the environment variable NODE is not set, and ${NODE} has no default (line 5)",
      },
    ]);
  });

  it("cannot add structure", () => {
    const injected = problemsOf(text, {}, { NODE: "1", CLUSTER: "a, members: []" });
    expect(injected.map(({ path }) => path)).toEqual(["cluster.id"]);
  });
});

describe("a node that joins", () => {
  const JOINING = `
cluster: { id: demo, join: true }
node: { id: 4 }
listen: { host: 10.0.0.4, port: 7001 }
dataDir: data
`;

  it("has an address and no members", () => {
    expect(parseConfig(JOINING, FILE)).toMatchObject({
      nodeId: 4,
      members: [],
      listen: { host: "10.0.0.4", port: 7001 },
    });
  });

  it("is refused without an address, with members, and when nobody says that it joins", () => {
    expect(pathsOf(JOINING.replace(/listen.*\n/u, ""))).toEqual(["listen"]);
    expect(pathsOf(JOINING.replace(", join: true", ""))).toEqual(["cluster.members"]);
    const both = MINIMAL.replace("id: demo", "id: demo\n  join: true");
    expect(pathsOf(`${both}listen: { host: 10.0.0.2, port: 7001 }\n`)).toEqual(["cluster.join"]);
  });
});

describe("flags and environment variables that override the file", () => {
  it("win over it, a flag over its variable", () => {
    const env = {
      DT_NODE_ID: "1",
      DT_DATA_DIR: "elsewhere",
      DT_LISTEN: "[::1]:9",
      DT_LOG_LEVEL: "warn",
    };
    expect(parseConfig(MINIMAL, FILE, { logLevel: "debug" }, env)).toMatchObject({
      nodeId: 1,
      dataDir: join(process.cwd(), "elsewhere"),
      listen: { host: "::1", port: 9 },
      logLevel: "debug",
    });
  });

  it("are named in the problems that they cause", () => {
    const problems = problemsOf(MINIMAL, { nodeId: "one" }, { DT_LISTEN: "nowhere" });
    expect(problems).toEqual([
      { path: "listen (from DT_LISTEN)", message: '"nowhere" is not host:port' },
      { path: "node.id", message: 'must be an integer, not "one" (from --node-id)' },
    ]);
  });
});

describe("a configuration with mistakes", () => {
  it("is refused with all of them, each with its path", () => {
    const text = `
cluster:
  id: "de mo"
  nmae: x
  members:
    - { id: 1, host: a, port: 70000 }
    - { id: 1, host: b, port: 1 }
    - { id: 1, host: b, port: 1 }
    - { id: 2 }
node: { id: 7 }
raft: { heartbeatMs: 800, tickMs: 1.5, foo: 2 }
limits: { maxFrameBytes: 10, maxEntryBytes: many }
storage: { segmentBytes: 5000, durability: never }
log: { level: loud }
stop: { timeoutMs: 0 }
extra: 1
`;
    expect(pathsOf(text).toSorted()).toEqual(
      [
        "cluster.id",
        "cluster.nmae",
        "cluster.members[0].port",
        "cluster.members[2]",
        "cluster.members[2].id",
        "cluster.members[3].host",
        "cluster.members[3].port",
        "node.id",
        "dataDir",
        "raft.tickMs",
        "raft.foo",
        "raft.electionTimeoutMinMs",
        "limits.maxEntryBytes",
        "limits.maxFrameBytes",
        "storage.durability",
        "storage.segmentBytes",
        "log.level",
        "stop.timeoutMs",
        "extra",
      ].toSorted(),
    );
  });

  it("names lines, what was wanted and what was found", () => {
    const text = MINIMAL.replace("port: 7001 }", "port: soon }");
    expect(problemsOf(text)).toEqual([
      {
        path: "cluster.members[0].port",
        message: 'must be an integer, not "soon" (line 5)',
      },
    ]);
  });

  it("is refused for relations between packages", () => {
    const entry = `${MINIMAL}limits: { maxEntryBytes: 16777216 }\nstorage: { segmentBytes: 16777216 }\n`;
    expect(pathsOf(entry)).toEqual(["limits.maxFrameBytes", "storage.segmentBytes"]);
    const append = `${MINIMAL}raft: { maxAppendBytes: 16777216 }\n`;
    expect(pathsOf(append)).toEqual(["raft.maxAppendBytes"]);
  });

  it("is refused for relations within a package", () => {
    const text = `${MINIMAL}raft: { electionTimeoutMinMs: 500, electionTimeoutMaxMs: 400 }\n`;
    expect(pathsOf(text)).toEqual(["raft.electionTimeoutMinMs", "raft.electionTimeoutMaxMs"]);
  });

  it("is refused when the node is not a member", () => {
    const problems = problemsOf(MINIMAL.replace("{ id: 2 }\ndata", "{ id: 3 }\ndata"));
    expect(problems).toEqual([
      {
        path: "node.id",
        message: "3 is not among the ids of cluster.members (1, 2) (line 7)",
      },
    ]);
  });

  it.each([
    ["nothing", ""],
    ["a list", "- 1\n"],
    ["text", "hello\n"],
  ])("is refused when the document is %s", (_name, text) => {
    expect(pathsOf(text)).toEqual([""]);
  });

  it("is refused for its syntax, with the line", () => {
    const [first] = problemsOf("cluster:\n  id: [1\nnode: }\n");
    expect(first?.message).toMatch(/^line 3, column \d+: /u);
  });

  it("is refused for keys that are given twice", () => {
    const [first] = problemsOf(`${MINIMAL}dataDir: other\n`);
    expect(first?.message).toMatch(/^line 9, column 1: Map keys must be unique/u);
  });

  it("is refused when the file cannot be read", () => {
    expect(() => loadConfig({ file: "/nowhere/server.yaml" })).toThrow(
      "DT_SERVER_CONFIG: /nowhere/server.yaml cannot be used:\n  cannot be read: ENOENT",
    );
  });
});

describe("the sections tls and auth", () => {
  it("report everything that is wrong, each with its path", () => {
    expect(pathsOf(`${MINIMAL}tls: { certFile: a, clientCertificates: maybe, what: 1 }`)).toEqual([
      "tls.keyFile",
      "tls.caFile",
      "tls.clientCertificates",
      "tls.what",
    ]);
    const auth = "auth: { usersFile: 7, members: [alice], admins: x, self: { what: 1 } }";
    expect(pathsOf(`${MINIMAL}${auth}`)).toEqual([
      "auth.usersFile",
      "auth.self.what",
      "auth.members[0]",
      "auth.admins",
    ]);
  });

  it("say what belongs together", () => {
    expect(pathsOf(`${MINIMAL}auth: {}`)).toEqual(["auth", "auth.self", "auth.members"]);
    const self = "self: { tokenFile: t }";
    const token = `auth: { tokensFile: t, certificates: true, ${self}, members: ["token:node"] }`;
    expect(pathsOf(`${MINIMAL}${token}`)).toEqual(["auth.certificates", "auth.self.tokenFile"]);
    const both = "self: { user: node, passwordFile: p, certificate: true }";
    expect(pathsOf(`${MINIMAL}auth: { usersFile: u, ${both}, members: ["scram:node"] }`)).toEqual([
      "auth.self",
      "auth.self.certificate",
    ]);
    const half = "self: { user: node }";
    expect(pathsOf(`${MINIMAL}auth: { usersFile: u, ${half}, members: ["scram:node"] }`)).toEqual([
      "auth.self",
    ]);
  });

  it("name every file that cannot be read, relative to the configuration", () => {
    const tls = "tls: { certFile: a, keyFile: /b, caFile: c }\n";
    const self = "self: { user: node, passwordFile: p }";
    const auth = `auth: { usersFile: u, tokensFile: t, ${self}, members: ["scram:node"] }`;
    const problems = problemsOf(`${MINIMAL}${tls}${auth}`);
    expect(problems.map(({ path }) => path)).toEqual([
      "tls.certFile",
      "tls.keyFile",
      "tls.caFile",
      "auth.usersFile",
      "auth.tokensFile",
      "auth.self.passwordFile",
    ]);
    expect(problems[0]?.message).toContain("/etc/dt/a cannot be read: ENOENT");
    expect(problems[1]?.message).toContain("/b cannot be read");
  });
});
