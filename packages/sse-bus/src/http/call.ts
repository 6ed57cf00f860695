import type { HttpAnswer } from "./answer.ts";
import type { RequestHead } from "./request-head.ts";

/** A request as a handler sees it, whatever server received it. */
export interface HttpCall {
  readonly head: RequestHead;
  /** The client's address, where it is known. */
  readonly ip: string | undefined;
  /**
   * The request for functions of the application, such as `authorize`; the same one each time. It may be made only
   * now, because most requests need none.
   */
  request(): Request;
  readonly body: RequestBody;
}

/** Answers calls; the same for every server. Rejects only where its own code fails. */
export type Handler<Body = string | null> = (call: HttpCall) => Promise<HttpAnswer<Body>>;

/** The body of a request. */
export interface RequestBody {
  /**
   * Starts to read it, and passes each piece to `onBytes`, from the next turn of the event loop or microtask on.
   *
   * @throws SseBusError `BODY_ALREADY_READ`
   */
  read(onBytes: (bytes: Uint8Array) => void): BodyRead;
}

/** A body that is being read. */
export interface BodyRead {
  /** Resolves at the end of the body, and after `stop`. Rejects if the client disconnects before. */
  readonly ended: Promise<void>;
  /** Reads no more of it. Idempotent. */
  stop(): void;
}
