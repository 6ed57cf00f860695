import { createHash } from "node:crypto";
import { formatBytes } from "@/lib/format";
import { type Job, maxUploadBytes } from "./job";
import { readAtPace } from "./read-at-pace";
import { startJob } from "./server";

interface Upload {
  name: string;
  /** From the request's header; 0 without one. */
  size: number;
  body: ReadableStream<Uint8Array>;
}

/** Receives a file without storing it, and publishes the progress. */
export async function receiveUpload({ name, size, body }: Upload): Promise<Job> {
  const { ended } = await startJob(
    { kind: "upload", title: name, total: size },
    async ({ signal, report }) => {
      // #region how upload
      const hash = createHash("sha256");
      let received = 0;
      for await (const bytes of readAtPace(body, { signal })) {
        received += bytes.length;
        if (received > maxUploadBytes) throw new Error(`Over ${formatBytes(maxUploadBytes)}.`);
        hash.update(bytes);
        report(received);
      }
      // #endregion
      if (size > 0 && received !== size) throw new Error(`Cut after ${formatBytes(received)}.`);
      return `${formatBytes(received)}, SHA-256 ${hash.digest("hex")}`;
    },
  );
  return ended;
}
