import type { TreeProblem } from "./tree/tree.ts";

/** What went wrong, with the facts that belong to it. The README lists every code with what to do about it. */
export type CliFault =
  /** Arguments that do not go together. */
  | { readonly code: "DT_CLI_USAGE"; readonly message: string }
  /** `--endpoints`, DT_ENDPOINTS or the file of a local cluster does not name addresses. */
  | { readonly code: "DT_CLI_ENDPOINTS"; readonly from: string; readonly text: string }
  | { readonly code: "DT_CLI_NOT_FOUND"; readonly key: string }
  | { readonly code: "DT_CLI_IS_DIRECTORY"; readonly key: string }
  /** The key does not hold what was expected; `modRevision` is what it has instead, 0 for nothing. */
  | {
      readonly code: "DT_CLI_COMPARE_FAILED";
      readonly key: string;
      readonly modRevision: number;
    }
  /** A file cannot be read or written. */
  | { readonly code: "DT_CLI_FILE"; readonly file: string; readonly reason: string }
  /** A document that cannot be stored, or keys that make no document. Nothing was written. */
  | {
      readonly code: "DT_CLI_TREE";
      readonly subject: string;
      readonly problems: readonly TreeProblem[];
    }
  /** Some leaves were refused by the store; the others are stored. */
  | {
      readonly code: "DT_CLI_IMPORT";
      readonly stored: number;
      readonly refused: readonly { readonly key: string; readonly code: string }[];
    }
  /** An import ended before it was through: some leaves are stored, with `mayBeMore` perhaps more than are counted. */
  | {
      readonly code: "DT_CLI_IMPORT_BROKEN_OFF";
      readonly stored: number;
      readonly total: number;
      readonly mayBeMore: boolean;
      readonly reason: string;
    }
  /** A directory that is no data directory of a node. */
  | { readonly code: "DT_CLI_NO_DATA"; readonly directory: string }
  /** Every process of a local cluster has ended. */
  | { readonly code: "DT_CLI_CLUSTER_ENDED" };

/** Every error of this program itself. Match on `code`. */
export class CliError extends Error {
  override readonly name = "CliError" as const;
  readonly code: CliFault["code"];
  readonly fault: CliFault;

  constructor(fault: CliFault, options?: ErrorOptions) {
    super(`${fault.code}: ${describe(fault)}`, options);
    this.code = fault.code;
    this.fault = fault;
  }
}

/** Problems of one document that are worth reading at a time. */
const SHOWN = 20;

function describe(fault: CliFault): string {
  switch (fault.code) {
    case "DT_CLI_USAGE":
      return fault.message;
    case "DT_CLI_ENDPOINTS":
      return `${fault.from} names no addresses like 127.0.0.1:7001,127.0.0.1:7002: "${fault.text}"`;
    case "DT_CLI_NOT_FOUND":
      return `nothing is stored at ${fault.key}`;
    case "DT_CLI_IS_DIRECTORY":
      return `${fault.key} is a directory, which has no value`;
    case "DT_CLI_COMPARE_FAILED":
      return fault.modRevision === 0
        ? `nothing is stored at ${fault.key}; nothing was changed`
        : `${fault.key} holds something else, of revision ${fault.modRevision}; nothing was changed`;
    case "DT_CLI_FILE":
      return `${fault.file}: ${fault.reason}`;
    case "DT_CLI_TREE":
      return lines(
        fault.subject,
        fault.problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)),
      );
    case "DT_CLI_IMPORT":
      return lines(
        `${fault.stored} leaves are stored, ${fault.refused.length} were refused`,
        fault.refused.map(({ key, code }) => `${key}: ${code}`),
      );
    case "DT_CLI_IMPORT_BROKEN_OFF":
      return `${fault.stored} of ${fault.total} leaves are stored${
        fault.mayBeMore ? ", and perhaps some more" : ""
      }: ${fault.reason}`;
    case "DT_CLI_NO_DATA":
      return `${fault.directory} is not the data directory of a node`;
    case "DT_CLI_CLUSTER_ENDED":
      return "every node has ended";
  }
}

function lines(head: string, items: readonly string[]): string {
  const more = items.length > SHOWN ? [`... and ${items.length - SHOWN} more`] : [];
  return [`${head}:`, ...items.slice(0, SHOWN), ...more].join("\n  ");
}
