import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress } from "./address.ts";

describe("an address", () => {
  it.each([
    ["localhost:7001", { host: "localhost", port: 7001 }],
    ["10.0.0.1:65535", { host: "10.0.0.1", port: 65_535 }],
    ["[::1]:1", { host: "::1", port: 1 }],
  ])("%s is read and written", (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(address)).toBe(text);
  });

  it.each(["", "host", "host:", ":1", "host:0", "host:65536", "::1:1", "a b:1", "host:1x"])(
    "%j is refused",
    (text) => {
      expect(parseAddress(text)).toBeNull();
    },
  );
});
