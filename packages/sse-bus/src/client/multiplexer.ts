import { startTimeout } from "../core/timers.ts";
import { type AnswerProblem, DENIED, isTooMany, REVOKED } from "./answer.ts";
import { backoffMs } from "./backoff.ts";
import { type ClientConnection, type ConnectionHandlers, openConnection } from "./connection.ts";
import { canStart } from "./cursor.ts";
import { createInterestTable } from "./interest-table.ts";
import { waitOf } from "./known-network.ts";
import { connected, type MultiplexerState, without } from "./multiplexer-state.ts";
import type { Multiplexer, MultiplexerHandlers } from "./multiplexer-types.ts";
import { createProbeTimer } from "./probe-timer.ts";
import type { ErrorRecord, LostMessage, RefusedMessage } from "./protocol.ts";
import type { ClientSettings } from "./settings.ts";
import { channelOf, matcherOf, nameOf } from "./topic.ts";

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
  /** The stream that was tried last while polls served the tabs. */
  let probe: ClientConnection | undefined;
  /** What a tab that joins now receives. */
  let trouble: LostMessage | RefusedMessage | undefined;

  /** The only place that changes the state. It closes what the new state does not hold. */
  const enter = (next: MultiplexerState): void => {
    const previous = state;
    state = next;
    for (const connection of [previous.current, previous.next]) {
      if (connection !== next.current && connection !== next.next) connection?.close();
    }
    if (previous.timer !== next.timer) clearTimeout(previous.timer);
    if (!next.current?.waitS) probes.stop();
  };

  /** Makes sure that a connection serves all interest. */
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
    } else if (!next || next === probe || !serves(next) || !canStart(from, next.from)) {
      // Where streams do not get through, it could take long until the probe has failed.
      connect(channels, from, waitOf(settings));
    }
  };

  const connect = (channels: readonly string[], from: string, waitS: number): ClientConnection => {
    const isRefused = credentials === "refused";
    if (isRefused) credentials = "renewed";
    const next = openConnection(settings, { channels, from, isRefused, waitS }, handlers);
    enter(connected(state.current, next));
    return next;
  };

  /** Tries a stream. Polls continue until its `hello`. */
  const probes = createProbeTimer(() => {
    if (state.name === "open") probe = connect(allChannels(), cursor, 0);
  }, settings.probeMs);

  const waitThenUpdate = (ms: number, isRequired: boolean): void => {
    retryAt = Date.now() + ms;
    const timer = startTimeout(proceed, ms);
    enter({ name: "waiting", current: state.current, timer, isRequired });
  };

  const isOffline = (): boolean => settings.host?.navigator?.onLine === false;

  /** Ends a wait. */
  const proceed = (): void => {
    if (state.name === "waiting") enter(connected(state.current));
    update();
  };

  /** Updates once for all interest that arrives within a short time. */
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
        const covers = matcherOf(channelOf(channel));
        return hello.channels?.some((name) => covers.test(name)) ?? true;
      });
      connection.channels = granted = served;
      ({ cursor, silenceMs } = hello);
      credentials = "accepted";
      trouble = probe = undefined;
      enter(connected(connection));
      if (connection.waitS) probes.start();
      announce(connection, connection.from || cursor, hello.head ?? cursor);
      const denied = channels.filter((channel) => !served.includes(channel));
      if (denied.length) deny(denied, { code: "STREAM_REFUSED", message: DENIED });
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

    onBye(connection, cause, waitMs = retryMs) {
      if (connection !== state.current) return;
      // The `retry:` of this frame is for a native EventSource, which a proxy's 502 would end for good.
      retryMs = waitMs;
      connection.channels = [];
      if (cause.reason === "unauthorized") credentials = "refused";
      if (cause.reason === "revoked") {
        const error = { code: "STREAM_REFUSED", message: REVOKED, cause } as const;
        if (typeof settings.token !== "function") return refuseAll(error);
        // Nothing more of this stream may be delivered, nor of one that was requested with this token.
        enter({ name: "idle" });
        granted = [];
        credentials = "refused";
        return handlers.onEnd(connection, { ...error, code: "STREAM_LOST" }, waitMs);
      }
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
      // A stream of another lane may have shown it, too. What the server asks to wait comes first.
      const isStepDown = waitOf(settings) && !connection.waitS && waitMs === undefined;
      enter(without(state, connection));
      // Polls serve the tabs. Without them, nobody waits for a stream that may be held back.
      if (connection === probe) return;
      if (state.name === "connecting" && state.next === probe) enter({ name: "idle" });
      if (isUnauthorized && typeof settings.token === "function" && credentials === "accepted") {
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
        if (isStepDown && state.name !== "waiting") {
          const isCut = error.code === "STREAM_LOST";
          // A stream that fell silent after its `hello` was cut, too.
          probes.reset(!isCut && !settings.ladder?.lifeMs);
          retryAt = Date.now();
          update();
          // It is lost if the poll fails, too.
          if (isCut) return;
        } else if (state.name === "idle" || state.name === "open") {
          const floorMs = Math.max(waitMs ?? retryMs, isOffline() ? OFFLINE_MS : 0);
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
  const announce = ({ channels, waitS }: ClientConnection, from: string, head: string): void => {
    tabs.serve(channels);
    const transport = waitS ? "poll" : "stream";
    const { ladder } = settings;
    broadcast({ type: "hello", channels, from, cursor, head, silenceMs, transport, ladder });
  };

  /**
   * A refusal affects only what it must. If the server does not name the channels, those that it
   * granted before continue.
   */
  const refuse = (channels: readonly string[], error: ErrorRecord, problem: AnswerProblem) => {
    const named = problem.channels;
    if (named) granted = channels.filter((channel) => !named.includes?.(nameOf(channel)));
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
      if (!isOffline()) probes.hint();
      if (state.current?.waitS) probes.start();
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
