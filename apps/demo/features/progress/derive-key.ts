import { createHash, scrypt } from "node:crypto";
import { startTask } from "./server";

const rounds = 200;
const cost = 2 ** 15;

/** Real work outside of the event loop: repeated key derivation. */
export async function startKeyDerivation(): Promise<void> {
  await startTask(
    "task",
    { title: "Key derivation", total: rounds },
    async ({ signal, report }) => {
      let key: Buffer = Buffer.from("sse-bus");
      for (let round = 1; round <= rounds; round++) {
        signal.throwIfAborted();
        key = await derive(key);
        report(round);
      }
      return `Key with the SHA-256 ${createHash("sha256").update(key).digest("hex")}`;
    },
  );
}

async function derive(key: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // 128 · N · r bytes, twice Node's default limit.
    const options = { N: cost, r: 8, p: 1, maxmem: 64 * 1_024 * 1_024 };
    scrypt(key, "round", 32, options, (error, next) => (error ? reject(error) : resolve(next)));
  });
}
