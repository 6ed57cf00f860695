import { isSseBusError } from "../core/errors.ts";

/** An error part of a UI message stream, and its end. The empty line ends a part that is cut off. */
const ERROR_PART = `\n\ndata: ${JSON.stringify({
  type: "error",
  errorText: "The answer was interrupted. Send the message again.",
})}\n\ndata: [DONE]\n\n`;

/** Nothing follows such a stream, on no instance. */
const FINAL: ReadonlySet<string> = new Set(["STREAM_FAILED", "GAP"]);

/**
 * An answer that cannot be completed ends with an error part, which `useChat` shows. Any other failure cuts the
 * connection, after which `useChat` resumes the answer.
 */
export function endWithErrorPart(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          if (!isSseBusError(error) || !FINAL.has(error.code)) throw error;
          controller.enqueue(new TextEncoder().encode(ERROR_PART));
          controller.close();
        }
      },
      async cancel(reason) {
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
