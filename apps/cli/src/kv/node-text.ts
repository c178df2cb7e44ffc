import { isUtf8 } from "node:buffer";
import type { KvEntry, KvNode } from "@dt/kv";

/** A node as an object for JSON; a value that is not text is in base64. */
export function nodeJson(key: string, node: KvNode): object {
  const { kind, createRevision, modRevision, version, createdMs, updatedMs } = node;
  return {
    key,
    kind,
    ...(node.kind === "value" ? valueJson(node.value) : {}),
    createRevision,
    modRevision,
    version,
    createdAt: new Date(createdMs).toISOString(),
    updatedAt: new Date(updatedMs).toISOString(),
  };
}

function valueJson(value: Buffer): object {
  return isUtf8(value)
    ? { value: value.toString("utf8") }
    : { valueBase64: value.toString("base64") };
}

export const NODE_HEAD: readonly string[] = ["key", "value", "revision", "version", "updated"];

/** A node as a row under `NODE_HEAD`. */
export function nodeRow({ key, node }: KvEntry): (string | number)[] {
  const { modRevision, version, updatedMs } = node;
  const value = node.kind === "value" ? shortText(node.value) : "";
  return [keyName(key, node.kind), value, modRevision, version, new Date(updatedMs).toISOString()];
}

/** A directory is shown with a slash. */
export function keyName(key: string, kind: KvNode["kind"]): string {
  return printable(kind === "directory" ? `${key}/` : key);
}

const SHOWN_CHARACTERS = 60;

/** One line for a person: long values are cut, and nothing of it reaches the terminal as a command. */
export function shortText(value: Buffer): string {
  if (!isUtf8(value)) {
    return `(${value.length} bytes)`;
  }
  const text = printable(value.toString("utf8"));
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001F\u007F-\u009F]/gu;

function printable(text: string): string {
  return text.replace(CONTROL, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character
      ? String.raw`\u00${character.charCodeAt(0).toString(16)}`
      : escaped;
  });
}
