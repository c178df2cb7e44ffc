import { failureOf } from "./failure.ts";
import type { RpcError } from "../../src/index.ts";

export async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) {
    all.push(message);
  }
  return all;
}

export async function failureOfLoop(messages: AsyncIterable<unknown>): Promise<RpcError> {
  return failureOf(collect(messages));
}
