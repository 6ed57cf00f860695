import { startTimeout } from "../core/timers.ts";
import { type AnswerProblem, isTooMany } from "./answer.ts";
import { backoffMs } from "./backoff.ts";
import {
  type ClientConnection,
  type ClientSettings,
  type ConnectionHandlers,
  openConnection,
} from "./connection.ts";
import { canStart } from "./cursor.ts";
import type { Interest } from "./interest.ts";
import { createInterestTable } from "./interest-table.ts";
import { connected, type MultiplexerState, without } from "./multiplexer-state.ts";
import type { ErrorRecord, LostMessage, MultiplexerMessage, RefusedMessage } from "./protocol.ts";
import { matcherOf } from "./topic.ts";

/** Keeps one stream that serves all tabs of a group. See SPEC.md, "One stream for all". */
export interface Multiplexer {
  /** What a tab wants now. A tab repeats it at least at every `ping`. */
  setInterest(tab: string, interest: Interest): void;
  /** What the tabs want, together. */
  channels(): readonly string[];
  /** Finds a dead stream now, and ends a wait that the server did not ask for. */
  check(): void;
  /** Asks again for everything at once, with fresh credentials: make before break. */
  renew(): void;
  close(): void;
}

export interface MultiplexerHandlers {
  onMessage(message: MultiplexerMessage): void;
  /** The server takes fewer channels in one stream. The tabs then repeat their interest. */
  onTooMany(channels: readonly string[]): void;
  /** Whether no other multiplexer of this client has a channel. */
  isAlone(): boolean;
}

/**
 * Of the token:
 * - `accepted`: the server has not refused it
 * - `refused`: the next request needs a fresh one
 * - `renewed`: a fresh one was sent since the last `hello`
 */
type Credentials = "accepted" | "refused" | "renewed";

/** The shortest time between attempts while the browser calls itself offline. */
const OFFLINE_MS = 10_000;

/** How long interest is collected while a stream is open: other tabs and hooks may follow soon. */
const COLLECT_MS = 10;

export function createMultiplexer(
  settings: ClientSettings,
  { onMessage: broadcast, onTooMany, isAlone }: MultiplexerHandlers,
): Multiplexer {
  const tabs = createInterestTable();
  let state: MultiplexerState = { name: "idle" };
  /** What the current connection has delivered; kept when it is lost. */
  let cursor = "";
  /** How long the current connection may be silent. */
  let silenceMs = 0;
  /** The channels that the server granted last. */
  let granted: readonly string[] = [];
  /** What the tabs wanted at the last update, joined. */
  let wanted = "";
  let credentials: Credentials = "accepted";
  let attempts = 0;
  let retryMs = 0;
  let retryAt = 0;
  let collecting: ReturnType<typeof setTimeout> | undefined;
  /** What a tab that joins now has to know. */
  let trouble: LostMessage | RefusedMessage | undefined;

  /** The only place that changes the state. It closes what the new state does not hold. */
  const enter = (next: MultiplexerState): void => {
    const previous = state;
    state = next;
    for (const connection of [previous.current, previous.next]) {
      if (connection !== next.current && connection !== next.next) connection?.close();
    }
    if (previous.timer !== next.timer) clearTimeout(previous.timer);
  };

  /** Sees to it that a connection serves all interest. */
  const update = (isNarrowing = false): void => {
    const { channels, from, isServed } = tabs.join(cursor);
    const before = wanted;
    wanted = channels.join();
    if (!wanted) {
      enter({ name: "idle" });
      cursor = "";
      trouble = undefined;
      if (before) broadcast({ type: "idle" });
      return;
    }
    if (state.name === "waiting") return;
    if (state.name === "refused") {
      if (state.wanted === wanted) return;
      enter({ name: "idle" });
      retry();
    }
    const { current, next } = state;
    const serves = (connection: ClientConnection): boolean =>
      channels.every((channel) => connection.channels.includes(channel));
    const isTooWide = isNarrowing && current && current.channels.length > channels.length;
    if (current && serves(current) && from === cursor && !isTooWide) {
      if (next && !serves(next)) enter(connected(current));
      if (!isServed) announce(current, cursor, cursor);
    } else if (!next || !serves(next) || !canStart(from, next.from)) {
      connect(channels, from);
    }
  };

  const connect = (channels: readonly string[], from: string): void => {
    const isRefused = credentials === "refused";
    if (isRefused) credentials = "renewed";
    const next = openConnection(settings, { channels, from, isRefused }, handlers);
    enter(connected(state.current, next));
  };

  const waitThenUpdate = (ms: number, isRequired: boolean): void => {
    retryAt = Date.now() + ms;
    const timer = startTimeout(proceed, ms);
    enter({ name: "waiting", current: state.current, timer, isRequired });
  };

  /** Ends a wait. */
  const proceed = (): void => {
    if (state.name === "waiting") enter(connected(state.current));
    update();
  };

  /** Updates once for all interest that comes in a moment. */
  const collect = (): void => {
    collecting ??= startTimeout(
      () => {
        collecting = undefined;
        update();
      },
      state.current ? COLLECT_MS : 0,
    );
  };

  const handlers: ConnectionHandlers = {
    onHello(connection, hello) {
      const { channels } = connection;
      // A channel is granted if `hello` lists it, a pattern if `hello` lists anything that it covers.
      const served = channels.filter((channel) => {
        const covers = matcherOf(channel);
        return hello.granted?.some((name) => covers.test(name)) ?? true;
      });
      connection.channels = granted = served;
      ({ cursor, silenceMs } = hello);
      credentials = "accepted";
      trouble = undefined;
      enter(connected(connection));
      announce(connection, connection.from || cursor, hello.head ?? cursor);
      const denied = channels.filter((channel) => !served.includes(channel));
      if (denied.length) deny(denied, { code: "STREAM_REFUSED", message: "Refused." });
      collect();
    },

    onFrame(connection, frame) {
      if (connection !== state.current) return;
      broadcast(frame);
      // Last: the cursor passes a message only after its listeners ran.
      ({ cursor } = frame);
      if (frame.event === "ping") {
        attempts = 0;
        // A tab that crashed cannot unsubscribe; one that unsubscribed may soon subscribe again.
        tabs.expire();
        update(true);
      }
    },

    onBye(connection, reason, waitMs = retryMs) {
      if (connection !== state.current) return;
      // The `retry:` of this frame is for a native EventSource, which a proxy's 502 would end for ever.
      retryMs = waitMs;
      connection.channels = [];
      const isRevoked = reason === "revoked";
      if (isRevoked && !isFunction(settings.token)) {
        return refuseAll({ code: "STREAM_REFUSED", message: "Revoked." });
      }
      if (isRevoked || reason === "unauthorized") credentials = "refused";
      // Where the next connection is already being made, there is nothing to wait for.
      if (state.name === "open") waitThenUpdate(waitMs, true);
    },

    onRetry(ms) {
      retryMs = ms;
    },

    onEnd(connection, error, waitMs) {
      const { channels } = connection;
      const problem = (error.cause ?? {}) as AnswerProblem;
      const isUnauthorized = problem.status === 401 || problem.status === 403;
      enter(without(state, connection));
      if (isUnauthorized && isFunction(settings.token) && credentials === "accepted") {
        credentials = "refused";
        update();
      } else if (channels.length > 1 && isTooMany(problem, channels)) {
        onTooMany(channels);
        tabs.clear();
        retry();
      } else if (error.code === "STREAM_REFUSED") {
        refuse(channels, error, problem);
      } else {
        if (isUnauthorized) credentials = "refused";
        if (state.name === "idle" || state.name === "open") {
          const isOffline = settings.host?.navigator?.onLine === false;
          const floorMs = Math.max(waitMs ?? retryMs, isOffline ? OFFLINE_MS : 0);
          waitThenUpdate(backoffMs(attempts++, floorMs, settings.backoff), !!waitMs);
        }
        if (!state.current) {
          trouble = { type: "lost", error, retryAt };
          broadcast(trouble);
        }
      }
    },
  };

  /** The tabs attach what this connection serves. */
  const announce = ({ channels }: ClientConnection, from: string, head: string): void => {
    tabs.serve(channels);
    broadcast({ type: "hello", channels, from, cursor, head, silenceMs });
  };

  /**
   * A refusal must hit only what it has to. Where the server does not name the channels, those that it
   * granted before go on.
   */
  const refuse = (channels: readonly string[], error: ErrorRecord, problem: AnswerProblem) => {
    const named = problem.channels;
    if (named) granted = channels.filter((channel) => !named.includes?.(channel));
    const others = channels.filter((channel) => !granted.includes(channel));
    const denied = others.length ? others : channels;
    if (denied.length === channels.length && isAlone()) return refuseAll(error);
    deny(denied, error);
    update();
  };

  const deny = (channels: readonly string[], error: ErrorRecord): void => {
    tabs.remove(channels);
    broadcast({ type: "refused", error, channels });
  };

  const refuseAll = (error: ErrorRecord): void => {
    enter({ name: "refused", wanted });
    trouble = { type: "refused", error };
    broadcast(trouble);
  };

  const retry = (): void => {
    trouble = undefined;
    broadcast({ type: "retry" });
  };

  const allChannels = (): readonly string[] => tabs.join("").channels;

  return {
    check() {
      state.current?.check();
      if (state.name !== "waiting" || !state.isRequired) proceed();
    },
    channels: allChannels,
    setInterest(tab, interest) {
      settings.wasOpen ||= interest.wasOpen;
      if (trouble && !tabs.has(tab)) broadcast(trouble);
      tabs.set(tab, interest);
      // Without interest there is nothing to wait for.
      if (allChannels().length) collect();
      else update();
    },
    renew() {
      credentials = "accepted";
      const { current } = state;
      if (current) current.channels = [];
      enter(connected(current));
      retry();
      update();
    },
    close() {
      tabs.clear();
      clearTimeout(collecting);
      enter({ name: "idle" });
    },
  };
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}
