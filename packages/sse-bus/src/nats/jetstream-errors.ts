import { SseBusError } from "../core/errors.ts";
import { unavailableError } from "./errors.ts";

/** JetStream refused a request. It is the `cause` of the `SseBusError`. */
interface JetStreamError extends Error {
  readonly status: number;
  readonly code: number;
}

/** @see https://github.com/nats-io/nats-server/blob/main/server/errors.json */
export const STREAM_NOT_FOUND = 10_059;
export const STREAM_NAME_IN_USE = 10_058;
export const MESSAGE_NOT_FOUND = 10_037;
export const WRONG_LAST_SEQUENCE = 10_071;

export function isJetStreamError(error: unknown, code: number): boolean {
  const { cause } = error as { cause?: Partial<JetStreamError> };
  return cause?.name === "JetStreamError" && cause.code === code;
}

/** No server received the request, so it had no effect. */
export function isNoResponders(error: unknown): boolean {
  const { cause } = error as { cause?: { isNoResponders?: () => boolean } };
  return cause?.isNoResponders?.() === true;
}

/** The error for an answer in which JetStream refuses a request. */
export function refusalError(
  call: string,
  { code: status = 0, err_code: code = 0, description = "" }: RefusalBody,
): SseBusError {
  const cause = Object.assign(new Error(`${description} (${code})`), { status, code });
  cause.name = "JetStreamError";
  return unavailableError(`JetStream refused ${call}: ${description}.`, cause);
}

export interface RefusalBody {
  readonly code?: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** The error for a request that got no answer. */
export function requestError(error: unknown): Error {
  const { name, message } = error as Error;
  if (name === "SseBusError") return error as Error;
  if (/max_payload/.test(message)) {
    return new SseBusError(
      "MESSAGE_TOO_LARGE",
      "The message is larger than `max_payload` of the NATS server: send a reference to the data, or raise it there.",
      { cause: error },
    );
  }
  if ((error as { isNoResponders?: () => boolean }).isNoResponders?.() === true) {
    return unavailableError(
      "JetStream is not enabled, or has no leader now, or the stream was deleted.",
      error,
    );
  }
  return unavailableError(`NATS has not answered: ${message}.`, error);
}
