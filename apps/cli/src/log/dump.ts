import { join } from "node:path";
import { EntryKind } from "@dt/kv";
import { EntryType } from "@dt/raft";
import { inspectLog } from "@dt/raft-log-file";
import type { InspectedRecord } from "@dt/raft-log-file";
import type { CliContext } from "../cli-context.ts";
import { shortText } from "../kv/node-text.ts";
import { print } from "../terminal.ts";
import { findDataDirectory } from "./data-directory.ts";
import { payloadDecoder } from "./payload-decoder.ts";

export interface DumpOptions {
  /** Decodes normal entries as messages of this type of the file. */
  readonly proto?: string;
  readonly message?: string;
  readonly group: number;
  readonly from: number;
  readonly to?: number;
  readonly output: "table" | "json";
}

const TYPE_NAMES = namesOf(EntryType);
const KIND_NAMES = namesOf(EntryKind);
const KEY_LENGTH_BYTES = 2;

/** Prints entries one by one, each on a line: a log may be larger than the memory. */
export async function dumpLog(
  { terminal }: CliContext,
  name: string,
  options: DumpOptions,
): Promise<void> {
  const directory = join(findDataDirectory(terminal.cwd, name), String(options.group));
  const decode = await payloadDecoder(terminal.cwd, options);
  const format = options.output === "json" ? formatRecord : describeRecord;
  for await (const record of inspectLog(directory)) {
    if (record.index > (options.to ?? Infinity)) {
      break;
    }
    if (record.index >= options.from) {
      await print(terminal.stdout, format(record, decode(record)));
    }
  }
}

function formatRecord(record: InspectedRecord, decoded: object | null): string {
  const { payload, timestampMs, ...fields } = record;
  return `${JSON.stringify({
    ...fields,
    type: typeName(record),
    kind: kindName(record),
    time: new Date(timestampMs).toISOString(),
    payloadBase64: payload.toString("base64"),
    ...(decoded === null ? {} : { decoded }),
  })}\n`;
}

function describeRecord(record: InspectedRecord, decoded: object | null): string {
  const { index, term, timestampMs, payload } = record;
  const what = `${typeName(record)} ${kindName(record)}`.trimEnd();
  const time = new Date(timestampMs).toISOString();
  const text = decoded === null ? describePayload(record) : JSON.stringify(decoded);
  return `${index}  term ${term}  ${time}  ${what}  ${payload.length} bytes  ${text}\n`;
}

/** For a put its key and value; else the bytes as far as they are text. */
function describePayload({ type, bizType, payload }: InspectedRecord): string {
  if (type === EntryType.normal && bizType === EntryKind.put) {
    const keyEnd = KEY_LENGTH_BYTES + payload.readUInt16BE(0);
    const key = payload.subarray(KEY_LENGTH_BYTES, keyEnd);
    return `${shortText(key)} = ${shortText(payload.subarray(keyEnd))}`;
  }
  return shortText(payload);
}

function typeName({ type }: InspectedRecord): string {
  return TYPE_NAMES.get(type) ?? `type ${type}`;
}

function kindName({ type, bizType }: InspectedRecord): string {
  return type === EntryType.normal ? (KIND_NAMES.get(bizType) ?? `kind ${bizType}`) : "";
}

function namesOf(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(values).map(([name, value]) => [value, name]));
}
