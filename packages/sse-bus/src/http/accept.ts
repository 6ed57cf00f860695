import { readAcceptList } from "./accept-list.ts";
import type { RequestHead } from "./request-head.ts";

const EVENT_STREAM = "text/event-stream";

/** Whether the client accepts an event stream and nothing else, as a native `EventSource` does. */
export function acceptsOnlyEventStream({ headers }: RequestHead): boolean {
  const accept = headers.get("accept");
  return accept !== null && readAcceptList(accept).every(({ name }) => name === EVENT_STREAM);
}

/** Whether `Accept` names event streams. Programs need not; elements of a page, such as `<img>`, never do. */
export function namesEventStream({ headers }: RequestHead): boolean {
  return headers.get("accept")?.toLowerCase().includes(EVENT_STREAM) ?? false;
}

/**
 * Whether the client accepts an event stream (RFC 9110 §12.5.1). Without `Accept` it accepts anything. A list that
 * names images, styles, fonts or media belongs to an element of a page, and accepts no stream by its wildcard.
 */
export function acceptsEventStream({ headers }: RequestHead): boolean {
  const accept = headers.get("accept");
  if (accept === null || accept === EVENT_STREAM || accept.trim() === "") return true;
  return findRange(accept, EVENT_STREAM).quality > 0;
}

/** Whether the client prefers JSON to an event stream: by quality, then by what it names more exactly. */
export function prefersJson({ headers }: RequestHead): boolean {
  const accept = headers.get("accept");
  if (accept === null) return false;
  const json = findRange(accept, "application/json");
  const events = findRange(accept, EVENT_STREAM);
  if (json.quality !== events.quality) return json.quality > events.quality;
  return json.quality > 0 && json.rank > events.rank;
}

interface AcceptedRange {
  /** How exactly it names the type; 0 if no range covers it. */
  readonly rank: number;
  /** 0: not accepted. */
  readonly quality: number;
}

/** The most specific range decides, at whatever place in the list. */
function findRange(accept: string, wanted: string): AcceptedRange {
  const ranges = ["*/*", `${wanted.split("/")[0]}/*`, wanted];
  let best = { rank: 0, quality: 0 };
  for (const { name, quality } of readAcceptList(accept)) {
    const rank = ranges.indexOf(name) + 1;
    if (rank > best.rank) best = { rank, quality: quality === undefined ? 1 : Number(quality) };
  }
  return best.rank === 1 && isOfElement(accept) ? { rank: 0, quality: 0 } : best;
}

/** Whether this is the `Accept` of an `<img>`, a `<link>` or the like. That of a typed address names images, too. */
function isOfElement(accept: string): boolean {
  return ELEMENT_TYPES.test(accept) && !/text\/html/i.test(accept);
}

const ELEMENT_TYPES = /(?:audio|font|image|video)\/|text\/css/i;
