import { readFileSync } from "node:fs";
import { checkHistory } from "./check-history.ts";
import { parseHistory } from "./parse-history.ts";

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node tools/dist/src/histories/main.js FILE.jsonl");
  process.exitCode = 2;
} else {
  const operations = parseHistory(readFileSync(file, "utf8"));
  const violation = checkHistory(operations);
  if (violation === null) {
    const keys = new Set(operations.map(({ key }) => key)).size;
    console.log(`linearizable: ${operations.length} operations on ${keys} keys`);
  } else {
    const { key, prefix, last } = violation;
    console.log(
      `not linearizable: ${prefix.length} operations on key ${JSON.stringify(key)} up to`,
    );
    console.log(`  ${JSON.stringify(last)}`);
    for (const operation of prefix) {
      console.log(JSON.stringify(operation));
    }
    process.exitCode = 1;
  }
}
