import { type LogMessage, messageJson } from "../core/message.ts";
import type { HttpAnswer } from "./answer.ts";
import type { Connection } from "./connections.ts";
import { corsHeaders } from "./cors.ts";
import type { Page, PageEnd } from "./page.ts";
import type { PageRequest } from "./page-request.ts";
import { FORBIDDEN, UNAUTHORIZED } from "./permission.ts";
import type { Problem } from "./problem.ts";
import { arePublic, maxAgeOf } from "./public-channels.ts";
import { Refusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import type { RouteContext } from "./route-context.ts";
import { formatBye, formatHello, type Hello } from "./stream-blocks.ts";
import { isPrivate } from "./stream-headers.ts";
import type { StreamSettings } from "./stream-options.ts";
import { DRAINING } from "./stream-problems.ts";
import type { StreamRequest } from "./stream-request.ts";

/** Makes the answers that pages are. */
export interface PageAnswers {
  /** Of every page of this form. */
  headers(head: RequestHead, request: PageRequest): Readonly<Record<string, string>>;
  /**
   * Resolves when the page has ended.
   *
   * @throws Refusal where it ended before it was complete, and its form has no word for that
   */
  answer(page: Page, asked: AskedPage): Promise<HttpAnswer>;
}

export interface AskedPage {
  readonly head: RequestHead;
  readonly requested: StreamRequest;
  readonly headers: Readonly<Record<string, string>>;
  readonly connection: Pick<Connection, "channels" | "follows">;
}

export function createPageAnswers(
  { engine, history }: RouteContext,
  settings: StreamSettings,
): PageAnswers {
  const { retryMs, cors } = settings;
  const unshared = isPrivate(settings) ? "no-store" : "no-cache";

  return {
    headers(head, { form }) {
      const { Vary: origin, ...others } = corsHeaders(head, cors);
      return {
        "Content-Type": CONTENT_TYPES[form],
        "Cache-Control": "no-store",
        // A cursor may be in a header, and the URL is then the same for all.
        Vary: ["Accept", "Last-Event-ID", ...(origin ? [origin] : [])].join(", "),
        "X-Content-Type-Options": "nosniff",
        ...others,
      };
    },

    async answer(page, { head, requested, headers, connection }) {
      const end = await page.ended;
      // It was ended while its reader opened.
      if (!page.hello) throw new Refusal(PROBLEMS[end.reason] ?? UNREAD);
      const isFull = end.reason === "page" && isSameForAll(page, requested);
      const body =
        page.request.form === "json"
          ? formatJson(page, end)
          : formatEvents(page, { end, retryMs, isFull });
      if (!isFull) return { status: 200, headers, body };
      const etag = await etagOf(body);
      const isShared = isPublic(head, requested, connection);
      const fullHeaders = {
        ...headers,
        "Cache-Control": isShared ? sharedFor(page) : unshared,
        ETag: etag,
      };
      const isKnown = matches(head.headers.get("if-none-match"), etag);
      return { status: isKnown ? 304 : 200, headers: fullHeaders, body: isKnown ? null : body };
    },
  };

  /** Not with a cursor in the header: a cache that ignores `Vary` would answer everybody from it. */
  function isPublic(
    head: RequestHead,
    { topics }: StreamRequest,
    { channels }: AskedPage["connection"],
  ): boolean {
    const isWhole = topics.every((topic) => channels.includes(topic));
    return (
      isWhole && head.headers.get("last-event-id") === null && arePublic(topics, settings.public)
    );
  }

  function sharedFor({ messages }: Page): string {
    const now = engine.backend.now?.() ?? Date.now();
    return `public, max-age=${maxAgeOf(messages, history, now)}`;
  }
}

/**
 * Whether the page is full and behind the head: then its bytes are the answer for all clients that send its cursor, now
 * and later.
 */
function isSameForAll({ hasMore, gap }: Page, { start, presence }: StreamRequest): boolean {
  return hasMore && !gap && typeof start === "object" && presence.length === 0;
}

const CONTENT_TYPES = {
  events: "text/event-stream; charset=utf-8",
  json: "application/json",
} as const;

type PageHello = Omit<Hello, "connection" | "head"> & Partial<Hello>;

/**
 * Without `connection`: it has ended when the client learns of it. A full page has nothing of the moment it was made,
 * nor of its client.
 */
function helloOf({ hello }: Page, isFull: boolean): PageHello {
  const { connection: _, head, identity, presence, ...rest } = hello as Hello;
  if (isFull) return rest;
  return {
    ...rest,
    head,
    ...(identity !== undefined && { identity }),
    ...(presence && { presence }),
  };
}

interface EventsOptions {
  readonly end: PageEnd;
  readonly retryMs: number;
  /** The same bytes go to everybody. */
  readonly isFull: boolean;
}

/** One for all: decoding whole bytes leaves no state behind. A byte order mark is part of the data. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A stream that ends. Its last event has the cursor, so that any client continues by its last id. */
function formatEvents(page: Page, { end, retryMs: helloRetryMs, isFull }: EventsOptions): string {
  const parts = page.parts.map((part) => utf8.decode(part));
  const { reason, retryMs, nativeMs = retryMs, code } = end;
  const bye = {
    reason: reason as Exclude<typeof reason, "client" | "error">,
    retryMs,
    ...(code !== undefined && { code }),
    ...(reason === "page" && {
      more: page.hasMore,
      // Not in a full page, which is the same for everybody.
      ...(!page.hasMore && { time: Date.now() }),
    }),
  };
  const last = formatBye(bye, { id: page.cursor, retryMs: nativeMs });
  return [formatHello(helloOf(page, isFull), helloRetryMs), ...parts, last].join("");
}

/** @throws Refusal */
function formatJson(page: Page, { reason }: PageEnd): string {
  const problem = PROBLEMS[reason];
  if (problem) throw new Refusal(problem);
  const { messages, gap, cursor, hasMore: more } = page;
  const rest = JSON.stringify({ ...(gap && { gap }), cursor, more });
  const listed = messages.map((message) => {
    const { channel, event, key, time } = message;
    const before = JSON.stringify({ id: idOf(message), channel, event }).slice(0, -1);
    const after = JSON.stringify({ ...(key !== undefined && { key }), time }).slice(1);
    // The data is JSON already.
    return `${before},"data":${messageJson(message)},${after}`;
  });
  return `{"messages":[${listed.join(",")}],${rest.slice(1)}`;
}

/** The id in the frame, which has the epoch of the message. */
function idOf({ frame }: LogMessage): string {
  return utf8.decode(frame.subarray("id: ".length, frame.indexOf(LF)));
}

const LF = 10;

/** Where nothing was collected, and the same request would be refused now. */
const PROBLEMS: Partial<Record<PageEnd["reason"], Problem>> = {
  drain: DRAINING,
  revoked: FORBIDDEN,
  unauthorized: UNAUTHORIZED,
};

const UNREAD: Problem = {
  status: 503,
  code: "BACKEND_UNAVAILABLE",
  detail: "The request was ended before the log was read. Retry it.",
  headers: { "Retry-After": "1" },
};

async function etagOf(body: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  const hex = Array.from(new Uint8Array(digest, 0, 16), (byte) =>
    byte.toString(16).padStart(2, "0"),
  );
  return `"${hex.join("")}"`;
}

/** `If-None-Match` (RFC 9110 §13.1.2): a list, or `*`; a cache that compressed the page made its tag weak. */
function matches(known: string | null, etag: string): boolean {
  if (known === null) return false;
  return known.split(",").some((each) => {
    const tag = each.trim();
    return tag === "*" || tag.replace(/^W\//, "") === etag;
  });
}
