import { InputKind } from "../../src/core/input.ts";
import { type Message, MessageKind } from "../../src/core/message.ts";
import {
  describeRole,
  preloadedLog,
  SimCluster,
  type SimNode,
  type StoredLog,
} from "../../src/testing/index.ts";
import { prepare } from "./members.test.kit.ts";

/** One command of a script with the transcript that is expected after it. */
export interface ScriptStep {
  readonly command: string;
  readonly expected: string;
  readonly line: number;
}

/**
 * A script is a list of commands, each followed by `----` and what happens because of it, up to an
 * empty line. Lines that begin with `#` are comments and stay where they are.
 */
export function parseScript(text: string): (ScriptStep | string)[] {
  const lines = text.split("\n");
  const parts: (ScriptStep | string)[] = [];
  for (let at = 0; at < lines.length;) {
    const line = at + 1;
    const command = lines[at++] ?? "";
    if (command === "" || command.startsWith("#")) {
      parts.push(command);
      continue;
    }
    const expected: string[] = [];
    if (lines[at] === "----") {
      at++;
      while (at < lines.length && lines[at] !== "") {
        expected.push(lines[at++] ?? "");
      }
      at++;
    }
    parts.push({ command, expected: expected.join("\n"), line });
  }
  return parts;
}

/** The script's text with the transcript as it is now. */
export function formatScript(parts: readonly (ScriptStep | string)[]): string {
  const text = parts.map((part) =>
    typeof part === "string"
      ? part
      : `${part.command}\n----\n${part.expected}${part.expected && "\n"}`,
  );
  return `${text.join("\n").trimEnd()}\n`;
}

/**
 * Runs commands on bare cores: no message moves, no time passes and no disk syncs but by command or,
 * for disks, at once.
 */
export class ScriptRunner {
  readonly #logs = new Map<number, StoredLog>();
  readonly #core: Record<string, unknown> = { leaseReads: false };
  readonly #said: string[] = [];
  #nodeCount = 3;
  #voters: number[] | null = null;
  #cluster: SimCluster | null = null;

  /** Carries out one command; returns what happened. Throws when an expectation fails. */
  run(command: string): string {
    this.#said.length = 0;
    const [name = "", ...words] = command.split(/\s+/u);
    if (name === "cluster" || name === "log") {
      this.#prepare(name, words);
    } else {
      this.#act(name, words);
      this.#started.run(0);
    }
    return this.#said.join("\n");
  }

  get #started(): SimCluster {
    if (this.#cluster === null) {
      const cluster = new SimCluster({
        seed: 1,
        nodeCount: this.#nodeCount,
        ...(this.#voters !== null && { voters: this.#voters }),
        logs: this.#logs,
        core: this.#core,
        host: { tickMs: 1e9, useLease: false },
        disk: { syncMaxMs: 0, readMaxMs: 0 },
      });
      cluster.network.hold(() => true);
      cluster.run(0);
      cluster.trace.onLine = (line) => this.#said.push(line.slice(line.indexOf(" ") + 1));
      this.#cluster = cluster;
    }
    return this.#cluster;
  }

  #prepare(name: string, words: readonly string[]): void {
    const fields = fieldsOf(words);
    if (name === "log") {
      const terms = numbers(fields.get("terms") ?? "");
      const term = fields.get("term");
      const hardState = term === undefined ? {} : { term: Number(term) };
      this.#logs.set(Number(words[0]), preloadedLog(terms, hardState));
      return;
    }
    this.#nodeCount = Number(fields.get("nodes") ?? 3);
    const voters = fields.get("voters");
    this.#voters = voters === undefined ? null : numbers(voters);
    this.#core["preVote"] = fields.get("prevote") !== "off";
    for (const option of ["maxAppendBytes", "windowAppends"]) {
      const value = fields.get(option);
      if (value !== undefined) {
        this.#core[option] = Number(value);
      }
    }
  }

  #act(name: string, words: readonly string[]): void {
    const cluster = this.#started;
    const { network } = cluster;
    const [first = "", second = ""] = words;
    switch (name) {
      case "pass":
        cluster.run(Number(first));
        break;
      case "tick":
        this.#node(first).enqueue({ kind: InputKind.tick });
        break;
      case "campaign":
        cluster.ask(Number(first), { action: "campaign" });
        break;
      case "transfer":
        cluster.ask(Number(first), { action: "transfer", to: Number(second) });
        break;
      case "members":
        cluster.ask(Number(first), prepare(cluster, Number(first), numbers(second)));
        break;
      case "deliver":
        this.#deliver(matchOf(words));
        break;
      case "drop":
        this.#say(`${network.take(matchOf(words)).length} dropped`);
        break;
      case "stabilize":
        this.#stabilize(matchOf(words));
        break;
      case "propose":
        for (let i = Number(second || 1); i > 0; i--) {
          cluster.write(Number(first));
        }
        break;
      case "read":
        cluster.read(Number(first));
        break;
      case "crash":
        cluster.script(() => this.#node(first).crash());
        break;
      case "start":
        cluster.script(() => this.#node(first).start());
        break;
      case "disk":
        this.#disk(this.#node(first), second);
        break;
      case "held":
        for (const message of network.held) {
          this.#say(`${kindOf(message)} ${message.from}>${message.to} t${message.term}`);
        }
        break;
      case "status":
        cluster.nodes.forEach((node) => this.#say(statusOf(node)));
        break;
      case "expect":
        this.#expect(this.#node(first), words.slice(1));
        break;
      default:
        throw new Error(`no command "${name}"`);
    }
  }

  #deliver(matches: (message: Message) => boolean): void {
    const messages = this.#started.network.take(matches);
    if (messages.length === 0) {
      this.#say("nothing to deliver");
    }
    for (const message of messages) {
      this.#started.network.inject(message);
    }
  }

  #stabilize(matches: (message: Message) => boolean): void {
    const { network } = this.#started;
    for (let rounds = 0; rounds < 100 && network.held.some(matches); rounds++) {
      this.#deliver(matches);
      this.#started.run(0);
    }
  }

  #disk({ disk }: SimNode, how: string): void {
    if (how === "hold") {
      disk.hold();
    } else if (how === "release") {
      disk.unhold();
    } else if (how === "fail") {
      disk.failNextSync();
    } else {
      throw new Error(`a disk can hold, release or fail, not ${how}`);
    }
  }

  #expect(node: SimNode, words: readonly string[]): void {
    const status = statusOf(node).split(" ");
    for (const word of words) {
      if (!status.includes(word)) {
        throw new Error(`expected ${word}, node ${node.id} is ${status.join(" ")}`);
      }
    }
  }

  #node(id: string): SimNode {
    return this.#started.node(Number(id));
  }

  #say(line: string): void {
    this.#said.push(line);
  }
}

const KINDS = Object.keys(MessageKind) as (keyof typeof MessageKind)[];

function kindOf({ kind }: Message): string {
  return KINDS.find((name) => MessageKind[name] === kind) ?? "";
}

/** `1>2`, `>2`, `1>` and names of kinds; a message has to fit one of each that is given. */
function matchOf(words: readonly string[]): (message: Message) => boolean {
  const routes = words.filter((word) => word.includes(">"));
  const kinds = words.filter((word) => !word.includes(">"));
  return (message) =>
    (kinds.length === 0 || kinds.includes(kindOf(message))) &&
    (routes.length === 0 ||
      routes.some((route) => {
        const [from = "", to = ""] = route.split(">");
        return (
          (from === "" || Number(from) === message.from) && (to === "" || Number(to) === message.to)
        );
      }));
}

function statusOf(node: SimNode): string {
  if (!node.isUp) {
    return `n${node.id} down`;
  }
  const { role, term, vote, leaderId, lastTerm, lastIndex, commitIndex, configuration } = node.core;
  const voters = [...configuration.voters].join(",");
  const next =
    configuration.nextVoters.length === 0 ? "" : ` next=${configuration.nextVoters.join(",")}`;
  return (
    `n${node.id} ${describeRole(role)} term=${term} vote=${vote} leader=${leaderId} ` +
    `last=${lastTerm}:${lastIndex} commit=${commitIndex} voters=${voters}${next}`
  );
}

function fieldsOf(words: readonly string[]): Map<string, string> {
  return new Map(words.map((word) => word.split("=") as [string, string]));
}

function numbers(text: string): number[] {
  return text.split(",").map(Number);
}
