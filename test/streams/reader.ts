import { get } from "node:http";

/** A client that reads a stream over HTTP, until its end or until it is cut. */
export interface StreamReader {
  /** The response has begun, or failed. */
  readonly opened: Promise<void>;
  /** Everything that was read. */
  bytes(): Buffer;
  /** How it ended, and when by `performance.now()`. */
  readonly over: Promise<{ readonly how: "end" | "error" | "cut" | "none"; readonly at: number }>;
  /** Closes the connection. Idempotent. */
  cut(): void;
}

export function readStream(url: string): StreamReader {
  const chunks: Buffer[] = [];
  const controller = new AbortController();
  let markOpened!: () => void;
  const opened = new Promise<void>((resolve) => {
    markOpened = resolve;
  });
  const over = new Promise<Awaited<StreamReader["over"]>>((resolve) => {
    const finish = (how: "end" | "error" | "cut" | "none"): void => {
      markOpened();
      resolve({ how: controller.signal.aborted ? "cut" : how, at: performance.now() });
    };
    const request = get(url, { signal: controller.signal, agent: false }, (response) => {
      markOpened();
      if (response.statusCode === 204) finish("none");
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => finish(response.statusCode === 200 ? "end" : "error"));
      response.once("error", () => finish("error"));
    });
    request.once("error", () => finish("error"));
  });
  return { opened, bytes: () => Buffer.concat(chunks), over, cut: () => controller.abort() };
}
