import { Argument, Option } from "commander";
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { positiveInteger, withConnectOptions, withWriteOptions } from "../cluster/connect.ts";
import { OUTPUT_FORMATS } from "../output.ts";
import type { OutputFormat } from "../output.ts";
import { TREE_FORMATS } from "../tree/write-tree.ts";
import { casKey } from "./cas.ts";
import { deleteKey } from "./delete.ts";
import { exportTree } from "./export.ts";
import { getKey } from "./get.ts";
import { importTree } from "./import.ts";
import { listKeys } from "./list.ts";
import { putKey } from "./put.ts";

const KEY = new Argument("<key>", "names separated by slashes, such as app/db/host");
const VALUE = new Argument("[value]", "the value, or - for the standard input");

export function registerKvCommands(program: Command, context: CliContext): void {
  const kv = program.command("kv").description("read and write the configuration tree");

  withWriteOptions(kv.command("put"))
    .description("store a value")
    .addArgument(KEY)
    .addArgument(VALUE)
    .option("--file <file>", "take the value from a file, byte for byte")
    .addOption(outputOption("table"))
    .action((key, value, options) => putKey(context, key, value, options));

  withConnectOptions(kv.command("get"))
    .description("print a value")
    .addArgument(KEY)
    .option(
      "--stale",
      "answer from whatever the node that is asked has applied, without asking the others",
      false,
    )
    .addOption(outputOption("raw"))
    .action((key, options) => getKey(context, key, options));

  withWriteOptions(kv.command("del"))
    .description("delete a key, or an empty directory")
    .addArgument(KEY)
    .option("-r, --recursive", "delete a directory with everything in it", false)
    .addOption(outputOption("table"))
    .action((key, options) => deleteKey(context, key, options));

  withConnectOptions(kv.command("list"))
    .description("print what is in a directory")
    .addArgument(new Argument("[directory]", "default: the root").default(""))
    .option("-r, --recursive", "print everything below it", false)
    .option("--keys-only", "leave out the values", false)
    .option("--limit <n>", "print at most so many keys", positiveInteger)
    .addOption(outputOption("table"))
    .action((directory, options) => listKeys(context, directory, options));

  withWriteOptions(kv.command("cas"))
    .description("store a value if the key holds what is expected")
    .addArgument(KEY)
    .addArgument(VALUE)
    .option("--file <file>", "take the value from a file, byte for byte")
    .option("--expect-value <value>", "the key holds this value")
    .option("--expect-revision <n>", "the key was last written by this revision", positiveInteger)
    .option("--expect-absent", "nothing is stored at the key", false)
    .addOption(outputOption("table"))
    .action((key, value, options) => casKey(context, key, value, options));

  withConnectOptions(kv.command("import"))
    .description("store a YAML or JSON document, each leaf under its path")
    .argument("<file>", "the document, or - for the standard input")
    .option("--prefix <key>", "store below this key", "")
    .addOption(formatOption("default: by the file's extension, else yaml"))
    .action((file, options) => importTree(context, file, options));

  withConnectOptions(kv.command("export"))
    .description("write what import stored back as one document")
    .argument("<dir>", "directory for tree.yaml or tree.json, or - for the standard output")
    .option("--prefix <key>", "export what is below this key", "")
    .addOption(formatOption("").default("yaml"))
    .action((directory, options) => exportTree(context, directory, options));
}

function outputOption(format: OutputFormat): Option {
  return new Option("-o, --output <format>", "how to print")
    .choices([...OUTPUT_FORMATS])
    .default(format);
}

function formatOption(note: string): Option {
  const text = "what the document is written in";
  return new Option("--format <format>", note === "" ? text : `${text} (${note})`).choices([
    ...TREE_FORMATS,
  ]);
}
