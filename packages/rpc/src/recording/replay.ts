import { hash } from "node:crypto";
import { RpcError } from "../errors.ts";
import { Kind } from "../frame.ts";
import { Status, statusFromWire, statusName } from "../status.ts";
import { RecordingReader } from "./recording-reader.ts";
import type { CallCompletion } from "../call-completion.ts";
import type { RpcClient } from "../client.ts";
import type { RecordedFrame } from "./recorded-frame.ts";
import type { ByteWriter } from "@dt/codec";

export interface ReplayOptions {
  readonly file: string;
  /** Connected to the server that answers now. */
  readonly client: RpcClient;
  /** 1 for the pace of the recording, 2 for twice that; 0 for as fast as possible. Default 0. */
  readonly speed?: number;
  /** Calls under way at a time, 1 or more. Default 1000. */
  readonly maxInFlight?: number;
  /** Of each call, in milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
  /** Told how many requests and one-ways of all have been sent. */
  readonly onProgress?: (sent: number, total: number) => void;
}

/** What an answer was, for a person to compare. */
export interface ReplayedAnswer {
  readonly status: string;
  readonly code: string;
  readonly bodyBytes: number;
}

export interface ReplayDifference {
  readonly command: number;
  readonly groupId: number;
  readonly atMicros: number;
  readonly recorded: ReplayedAnswer;
  readonly replayed: ReplayedAnswer;
}

export interface ReplayResult {
  readonly requests: number;
  readonly oneWays: number;
  /** Answered as they were: the same status, string code and body. */
  readonly equal: number;
  readonly different: number;
  /** Answered then, not now: the call failed at this side. */
  readonly missing: number;
  /** Requests whose answer is not in the recording: there is nothing to compare with. */
  readonly unrecorded: number;
  /** One-ways that the connection did not take within the time of a call. */
  readonly unsent: number;
  /** The first differences and missing answers, at most 20. */
  readonly differences: readonly ReplayDifference[];
  /** Bytes at the end of the file that are no whole record. */
  readonly unreadBytes: number;
}

interface Answer {
  readonly status: Status;
  readonly code: string;
  readonly bodyBytes: number;
  readonly digest: string;
}

interface Script {
  readonly answers: Map<number, Answer[]>;
  readonly total: number;
  readonly unreadBytes: number;
}

const MAX_DIFFERENCES = 20;
const MAX_IN_FLIGHT = 1000;
const TIMEOUT_MS = 10_000;
const PROGRESS_EVERY = 100;

/**
 * Sends the requests of a recording again, in their order over one connection, and compares the
 * answers with the recorded ones. Reads the file twice: the answers first, of which it keeps a
 * digest each. Rejects with DT_RPC_RECORDING when the file is no recording, and with DT_RPC_OPTIONS before
 * anything is sent.
 */
export async function replayRecording(options: ReplayOptions): Promise<ReplayResult> {
  checkOptions(options);
  const script = await readScript(options.file);
  const replay = new Replay(options, script);
  const reader = await RecordingReader.open(options.file);
  try {
    return await replay.run(reader);
  } finally {
    await reader.close();
  }
}

function checkOptions({
  speed = 0,
  maxInFlight = MAX_IN_FLIGHT,
  timeoutMs = TIMEOUT_MS,
}: ReplayOptions): void {
  const problems: string[] = [];
  if (!(speed >= 0)) {
    problems.push(`speed: ${speed} is not 0 or more`);
  }
  if (!Number.isSafeInteger(maxInFlight) || maxInFlight < 1) {
    problems.push(`maxInFlight: ${maxInFlight} is not an integer of 1 or more`);
  }
  if (!(timeoutMs >= 0)) {
    problems.push(`timeoutMs: ${timeoutMs} is not 0 or more`);
  }
  if (problems.length > 0) {
    throw new RpcError({ code: "DT_RPC_OPTIONS", problems });
  }
}

/** Two answers of one key are of a seq that was used again, in the order of the recording. */
function keyOf(record: RecordedFrame): number {
  return record.connection * 2 ** 32 + record.seq;
}

async function readScript(file: string): Promise<Script> {
  const reader = await RecordingReader.open(file);
  const answers = new Map<number, Answer[]>();
  let total = 0;
  try {
    for (let record = await reader.next(); record !== null; record = await reader.next()) {
      if (record.kind !== Kind.response) {
        total++;
        continue;
      }
      const key = keyOf(record);
      const answer = answerOf(statusFromWire(record.word), record.code, record.body);
      const before = answers.get(key);
      if (before === undefined) {
        answers.set(key, [answer]);
      } else {
        before.push(answer);
      }
    }
    return { answers, total, unreadBytes: reader.unreadBytes };
  } finally {
    await reader.close();
  }
}

function answerOf(status: Status, code: string, body: Buffer): Answer {
  return { status, code, bodyBytes: body.length, digest: hash("sha256", body) };
}

class Replay {
  readonly #options: ReplayOptions;
  readonly #script: Script;
  readonly #differences: ReplayDifference[] = [];
  #inFlight = 0;
  #wake: (() => void) | null = null;
  #requests = 0;
  #oneWays = 0;
  #equal = 0;
  #different = 0;
  #missing = 0;
  #unrecorded = 0;
  #unsent = 0;

  constructor(options: ReplayOptions, script: Script) {
    this.#options = options;
    this.#script = script;
  }

  async run(reader: RecordingReader): Promise<ReplayResult> {
    const { speed = 0, maxInFlight = MAX_IN_FLIGHT } = this.#options;
    const startMs = performance.now();
    for (let record = await reader.next(); record !== null; record = await reader.next()) {
      if (record.kind === Kind.response) {
        continue;
      }
      if (speed > 0) {
        const waitMs = record.atMicros / 1000 / speed - (performance.now() - startMs);
        await (waitMs > 1 ? sleep(waitMs) : undefined);
      }
      while (this.#inFlight >= maxInFlight) {
        await this.#oneEnded();
      }
      await this.#send(record);
      this.#report();
    }
    while (this.#inFlight > 0) {
      await this.#oneEnded();
    }
    return {
      requests: this.#requests,
      oneWays: this.#oneWays,
      equal: this.#equal,
      different: this.#different,
      missing: this.#missing,
      unrecorded: this.#unrecorded,
      unsent: this.#unsent,
      differences: this.#differences,
      unreadBytes: this.#script.unreadBytes,
    };
  }

  async #send(record: RecordedFrame): Promise<void> {
    const { client, timeoutMs = TIMEOUT_MS } = this.#options;
    const { command, groupId, body } = record;
    if (record.kind === Kind.oneWay) {
      this.#oneWays++;
      const endMs = performance.now() + timeoutMs;
      while (!client.oneWay(command, groupId, writeBody, body)) {
        if (performance.now() > endMs) {
          this.#unsent++;
          break;
        }
        await sleep(1);
      }
      return;
    }
    this.#requests++;
    this.#inFlight++;
    const expected = this.#script.answers.get(keyOf(record))?.shift() ?? null;
    const completion = new ReplayedCall((answer) => this.#end(record, expected, answer));
    client.start(command, groupId, timeoutMs, writeBody, body, completion);
  }

  /** `answer` is an error when the call failed at this side. */
  #end(record: RecordedFrame, expected: Answer | null, answer: Answer | RpcError): void {
    this.#inFlight--;
    if (expected === null) {
      this.#unrecorded++;
    } else if (answer instanceof Error) {
      this.#missing++;
      this.#note(record, expected, { status: "", code: answer.code, bodyBytes: 0 });
    } else if (isEqual(expected, answer)) {
      this.#equal++;
    } else {
      this.#different++;
      this.#note(record, expected, describe(answer));
    }
    this.#wake?.();
  }

  #note(record: RecordedFrame, expected: Answer, replayed: ReplayedAnswer): void {
    if (this.#differences.length < MAX_DIFFERENCES) {
      const { command, groupId, atMicros } = record;
      this.#differences.push({
        command,
        groupId,
        atMicros,
        recorded: describe(expected),
        replayed,
      });
    }
  }

  #oneEnded(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #report(): void {
    const sent = this.#requests + this.#oneWays;
    const { total } = this.#script;
    if (sent % PROGRESS_EVERY === 0 || sent === total) {
      this.#options.onProgress?.(sent, total);
    }
  }
}

class ReplayedCall implements CallCompletion {
  readonly #onEnd: (answer: Answer | RpcError) => void;

  constructor(onEnd: (answer: Answer | RpcError) => void) {
    this.#onEnd = onEnd;
  }

  onReply(body: Buffer, start: number, end: number): void {
    this.#onEnd(answerOf(Status.ok, "", body.subarray(start, end)));
  }

  onFail(error: RpcError): void {
    const { fault } = error;
    this.#onEnd(
      fault.code === "DT_RPC_REMOTE"
        ? answerOf(fault.status, fault.remoteCode ?? "", Buffer.alloc(0))
        : error,
    );
  }
}

function isEqual(a: Answer, b: Answer): boolean {
  return a.status === b.status && a.code === b.code && a.digest === b.digest;
}

function describe({ status, code, bodyBytes }: Answer): ReplayedAnswer {
  return { status: statusName(status), code, bodyBytes };
}

function writeBody(writer: ByteWriter, body: Buffer): void {
  writer.bytes(body);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
