import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { inspectorToken } from "./token";

/*
 * Snapshots travel over a bus that anybody may read by `/api/sse?channel=**`; only instances that
 * know the inspector's token can open them. AES-256-GCM, with an IV of its own for each.
 */
const ivBytes = 12;
const tagBytes = 16;

export function seal(value: unknown): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key(), iv);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(value), "utf8"), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64");
}

/** `undefined` for what was not sealed with this token: anybody may publish where that is open. */
export function unseal(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    const bytes = Buffer.from(text, "base64");
    const decipher = createDecipheriv("aes-256-gcm", key(), bytes.subarray(0, ivBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    const sealed = bytes.subarray(ivBytes + tagBytes);
    return JSON.parse(Buffer.concat([decipher.update(sealed), decipher.final()]).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** In development, where all is open, everybody knows it. */
function key(): Buffer {
  return createHash("sha256")
    .update(`sse-bus inspector seal ${inspectorToken() ?? ""}`)
    .digest();
}
