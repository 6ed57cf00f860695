import { prefersJson } from "./accept.ts";
import { Refusal } from "./refusal.ts";
import { queryOf, type RequestHead } from "./request-head.ts";

/** How a page is written: as the events of a stream, or as one JSON object. */
export type PageForm = "events" | "json";

/** What a request for a page asks for, besides channels and cursor. */
export interface PageRequest {
  /** How long it waits if there is nothing to read. 0: not at all. */
  readonly waitMs: number;
  /** Messages at most. */
  readonly limit: number;
  readonly form: PageForm;
}

/** A proxy or a phone's network ends a request that is silent for longer. */
const MAX_WAIT_S = 60;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/**
 * Reads `wait` and `limit`. `undefined` without `wait`: the request is for a stream.
 *
 * @throws Refusal `INVALID_PAGE`
 */
export function readPageRequest(head: RequestHead): PageRequest | undefined {
  // The usual request of a stream does without a parsed query.
  if (!mayAskForPage(head.target ?? head.url)) return undefined;
  const query = queryOf(head);
  const wait = query.get("wait");
  if (wait === null || wait === "") return undefined;
  const limit = query.get("limit");
  return {
    waitMs: 1000 * readNumber("wait", wait, { min: 0, max: MAX_WAIT_S }),
    limit:
      limit === null || limit === ""
        ? DEFAULT_LIMIT
        : readNumber("limit", limit, { min: 1, max: MAX_LIMIT }),
    form: prefersJson(head) ? "json" : "events",
  };
}

/** Whether the query of a target has `wait`, or a name that is encoded and may be `wait`. */
export function mayAskForPage(target: string): boolean {
  return MAY_ASK.test(target);
}

/** One pattern, as every connect is asked. */
const MAY_ASK = /[?&](?:wait(?:[=&]|$)|[^?&=]*%)/;

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function readNumber(name: "wait" | "limit", text: string, { min, max }: Bounds): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const unit = name === "wait" ? "seconds" : "messages";
  const detail = `\`${name}\` must be a whole number of ${unit} from ${min} to ${max}.`;
  throw new Refusal({ status: 400, code: "INVALID_PAGE", detail });
}
