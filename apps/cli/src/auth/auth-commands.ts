import { randomBytes } from "node:crypto";
import { makeScramSecret, tokenDigest } from "@dt/rpc";
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { fileError, readInput } from "../kv/value-input.ts";
import { print } from "../terminal.ts";

const TOKEN_BYTES = 32;
const NAME = /^\S+$/u;

/** Commands that make lines for the files of a server's section `auth`. */
export function registerAuthCommands(program: Command, context: CliContext): void {
  const auth = program.command("auth").description("make users and tokens for a server");
  auth
    .command("secret")
    .description("a line of a server's usersFile; the password is the first line of the input")
    .argument("<user>", "name of the user")
    .option("--password-file <file>", "the password; - for the standard input", "-")
    .action((user: string, options: { passwordFile: string }) =>
      printSecret(context, user, options.passwordFile),
    );
  auth
    .command("token")
    .description("a new token on the standard output, its line of a tokensFile on standard error")
    .argument("<name>", "who the token is for")
    .action((name: string) => printToken(context, name));
}

async function printSecret({ terminal }: CliContext, user: string, file: string): Promise<void> {
  checkName(user);
  const input = await readInput(terminal, file);
  const [password = ""] = input.toString("utf8").split(/\r?\n/u);
  let secret: string;
  try {
    secret = await makeScramSecret(password);
  } catch (error) {
    throw error instanceof RangeError ? fileError(file, error) : error;
  }
  await print(terminal.stdout, `${user} ${secret}\n`);
}

async function printToken({ terminal }: CliContext, name: string): Promise<void> {
  checkName(name);
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  await print(terminal.stdout, `${token}\n`);
  await print(terminal.stderr, `${name} ${tokenDigest(token)}\n`);
}

function checkName(name: string): void {
  if (!NAME.test(name)) {
    throw new CliError({ code: "DT_CLI_USAGE", message: "a name has no white space" });
  }
}
