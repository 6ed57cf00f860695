import { startTimeout } from "../core/timers.ts";
import { retryAfterMs } from "./answer.ts";
import { backoffMs } from "./backoff.ts";
import { resolveHeaders } from "./credentials.ts";
import { report } from "./report.ts";
import type { ClientSettings } from "./settings.ts";

/** Sends what this page sets as the state of its member. */
export interface StateSender {
  set(state: string): void;
  /** The stream that carries the channel is this one. The state belongs to a stream, so it is sent to each. */
  connected(connection: string): void;
  /** The member's state is now this. A later one of another tab or device replaces that of this page. */
  observe(state: string | undefined): void;
  close(): void;
}

/** The shortest time between two states. */
const INTERVAL_MS = 125;

/** @param state JSON of states */
export function createStateSender(
  settings: ClientSettings,
  channel: string,
  url: string | undefined,
): StateSender {
  const controller = new AbortController();
  const { signal } = controller;
  /** What this page has set, unless it is replaced. */
  let wanted: string | undefined;
  /** What the present stream has got. */
  let sent: string | undefined;
  let isShown = false;
  let connection: string | undefined;
  let isBusy = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = (): void => {
    if (isBusy || wanted === undefined || wanted === sent || connection === undefined) return;
    isBusy = true;
    void post(connection, wanted).then((waitMs) => {
      if (signal.aborted) return;
      timer = startTimeout(() => {
        isBusy = false;
        flush();
      }, waitMs);
    });
  };

  /** Resolves with the time until the next one may be sent. Of what waits for it, the newest is sent. */
  const post = async (to: string, state: string): Promise<number> => {
    let askedMs = 0;
    try {
      const { fetch: send = fetch, withCredentials } = settings;
      const headers = await resolveHeaders(settings, "application/json", false);
      headers.set("Content-Type", "application/json");
      const response = await send(url ?? new URL("presence", settings.url), {
        method: "POST",
        headers,
        signal,
        body: `{"connection":${JSON.stringify(to)},"channel":${JSON.stringify(channel)},"state":${state}}`,
        ...(withCredentials && { credentials: "include" }),
      });
      const { ok, status } = response;
      if (ok || (status < 500 && status !== 429 && status !== 408)) {
        failures = 0;
        if (to === connection) sent = state;
        if (!ok) await refuse(response);
        return INTERVAL_MS;
      }
      askedMs = retryAfterMs(response) ?? 0;
      await response.body?.cancel();
    } catch {
      // The network is down, which the status of the stream shows, or the sender is closed.
    }
    return backoffMs(failures++, Math.max(askedMs, INTERVAL_MS), settings.backoff);
  };

  const refuse = async (response: Response): Promise<void> => {
    const { status } = response;
    const problem = { ...(await response.json().catch(() => {})), status };
    // The stream has ended. The next one gets the state.
    if (problem.code === "UNKNOWN_CONNECTION") return;
    const message = `The server has refused a state for "${channel}" with ${status}: ${problem.detail ?? "no reason"}`;
    report(settings, { code: "STATE_REFUSED", message, cause: problem });
  };

  return {
    set(state) {
      wanted = state;
      isShown = false;
      // The same value again may follow one of another tab.
      sent = undefined;
      flush();
    },
    connected(id) {
      if (id === connection) return;
      connection = id;
      sent = undefined;
      flush();
    },
    observe(state) {
      if (state === wanted) isShown = true;
      else if (isShown && state !== undefined) wanted = undefined;
    },
    close() {
      controller.abort();
      clearTimeout(timer);
    },
  };
}
