import { createHash, createHmac, pbkdf2 } from "node:crypto";

/** The calculations of RFC 5802 section 3 with SHA-256 (RFC 7677). */

export const KEY_BYTES = 32;

/** Hi(): takes about a microsecond per iteration, in the thread pool. */
export function saltPassword(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, KEY_BYTES, "sha256", (error, key) => {
      if (error === null) {
        resolve(key);
      } else {
        reject(error);
      }
    });
  });
}

export function clientKeyOf(saltedPassword: Buffer): Buffer {
  return sign(saltedPassword, "Client Key");
}

export function serverKeyOf(saltedPassword: Buffer): Buffer {
  return sign(saltedPassword, "Server Key");
}

export function storedKeyOf(clientKey: Buffer): Buffer {
  return createHash("sha256").update(clientKey).digest();
}

export function sign(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Both have KEY_BYTES. */
export function xor(left: Buffer, right: Buffer): Buffer {
  const result = Buffer.from(left);
  for (let index = 0; index < KEY_BYTES; index++) {
    result.writeUInt8(left.readUInt8(index) ^ right.readUInt8(index), index);
  }
  return result;
}
