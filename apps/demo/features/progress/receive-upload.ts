import { createHash } from "node:crypto";
import type { TaskHandle } from "sse-bus/tasks";
import { formatBytes } from "@/lib/format";
import { maxUploadBytes } from "./job";
import { readAtPace } from "./read-at-pace";
import { startTask } from "./server";

interface Upload {
  name: string;
  /** From the request's header; 0 without one. */
  size: number;
  body: ReadableStream<Uint8Array>;
}

/** Receives a file without storing it, and reports the progress. */
export async function receiveUpload({ name, size, body }: Upload): Promise<TaskHandle<string>> {
  return startTask("upload", { title: name, total: size }, async ({ signal, report }) => {
    const hash = createHash("sha256");
    let received = 0;
    for await (const bytes of readAtPace(body, { signal })) {
      received += bytes.length;
      if (received > maxUploadBytes) throw new Error(`Over ${formatBytes(maxUploadBytes)}.`);
      hash.update(bytes);
      report(received);
    }
    if (size > 0 && received !== size) throw new Error(`Cut after ${formatBytes(received)}.`);
    return `${formatBytes(received)}, SHA-256 ${hash.digest("hex")}`;
  });
}
