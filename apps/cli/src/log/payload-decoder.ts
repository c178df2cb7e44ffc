import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { EntryType } from "@dt/raft";
import type { InspectedRecord } from "@dt/raft-log-file";
import protobuf from "protobufjs";
import { CliError } from "../cli-error.ts";

const RAFT_PROTO = join(
  dirname(fileURLToPath(import.meta.resolve("@dt/raft"))),
  "../../proto/raft.proto",
);
const CONFIG_TYPE = "dt.raft.ConfigPayload";

/** What a payload says, as a plain object; null where it is no message that is known, or a damaged one. */
export type PayloadDecoder = (record: InspectedRecord) => object | null;

/** Decodes configuration entries, and normal ones as `message` of the file `proto` where that is given. */
export async function payloadDecoder(
  cwd: string,
  { proto, message }: { readonly proto?: string; readonly message?: string },
): Promise<PayloadDecoder> {
  if ((proto === undefined) !== (message === undefined)) {
    throw new CliError({ code: "DT_CLI_USAGE", message: "--proto and --message go together" });
  }
  const config = await typeIn(RAFT_PROTO, CONFIG_TYPE);
  const normal =
    proto === undefined || message === undefined
      ? null
      : await typeIn(resolve(cwd, proto), message);
  return ({ type, payload }) => {
    const known = type === EntryType.config ? config : type === EntryType.normal ? normal : null;
    return known === null || payload.length === 0 ? null : decode(known, payload);
  };
}

async function typeIn(file: string, name: string): Promise<protobuf.Type> {
  try {
    return (await protobuf.load(file)).lookupType(name);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError({ code: "DT_CLI_FILE", file, reason }, { cause });
  }
}

function decode(type: protobuf.Type, payload: Buffer): object | null {
  try {
    return type.toObject(type.decode(payload), { longs: Number, bytes: String, enums: String });
  } catch {
    // The payload is printed as it is.
    return null;
  }
}
