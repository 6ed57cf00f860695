import { useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { serverClock } from "@/lib/server-clock";
import type { Author } from "./entry";
import {
  addHeartbeat,
  heartbeatMs,
  type Presence,
  presenceChannel,
  type PresenceHeartbeat,
  type PresenceStatus,
  type Present,
  presentAt,
} from "./presence";
import { readPublishedHeartbeat } from "./shape";
import { randomId } from "./visitor";

/** How often a window repeats that its visitor is typing. */
const typingAgainMs = 2_000;

interface PresenceOptions {
  initial: Presence;
  cursor: string;
  /** When the server rendered `initial`, in server time. */
  renderedAt: number;
  visitor: Author;
}

/** Who is present, and the function that reports typing. */
export function usePresence(options: PresenceOptions): readonly [Present[], typing: () => void] {
  const { initial, cursor, renderedAt, visitor } = options;
  const [now, setNow] = useState(renderedAt);
  const { data } = useChannel(presenceChannel, {
    event: "heartbeat",
    initial,
    cursor,
    reduce: (presence: Presence, data: unknown, { time }: Message) => {
      const heartbeat = readPublishedHeartbeat(data);
      return heartbeat ? addHeartbeat(presence, { ...heartbeat, time }) : presence;
    },
    onMessage(_, { time }) {
      serverClock.observe(time);
      setNow(serverClock.now());
    },
  });
  useEffect(() => {
    serverClock.assume(renderedAt);
    const timer = setInterval(() => setNow(serverClock.now()), 1_000);
    return () => clearInterval(timer);
  }, [renderedAt]);
  const typing = useHeartbeats(visitor);
  return [presentAt(data, now), typing];
}

/** Sends this window's presence heartbeats until the page closes. */
function useHeartbeats({ person, name }: Author): () => void {
  const send = useRef<(status: PresenceStatus) => void>(() => {});
  const typedAt = useRef(-Infinity);

  useEffect(() => {
    if (!person || !name) return undefined;
    const window = randomId();
    let turn = 0;
    let isLeft = false;
    send.current = (status) => {
      const heartbeat: PresenceHeartbeat = { window, turn: turn++, person, name, status };
      // A lost heartbeat is followed by another; `keepalive` lets the last one outlive its page.
      fetch("/api/presence", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Presence": "1" },
        body: JSON.stringify(heartbeat),
        keepalive: true,
      }).catch(() => {});
    };
    const sendHeartbeat = () => {
      // A closing page is also hidden; the order of both events depends on the browser.
      if (!isLeft) send.current(document.visibilityState === "visible" ? "here" : "away");
    };
    const sendLeft = () => {
      isLeft = true;
      send.current("left");
    };
    const reopenFromCache = () => {
      isLeft = false;
      sendHeartbeat();
    };
    const timer = setInterval(sendHeartbeat, heartbeatMs);
    sendHeartbeat();
    document.addEventListener("visibilitychange", sendHeartbeat);
    addEventListener("pagehide", sendLeft);
    addEventListener("pageshow", reopenFromCache);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", sendHeartbeat);
      removeEventListener("pagehide", sendLeft);
      removeEventListener("pageshow", reopenFromCache);
      if (!isLeft) sendLeft();
      send.current = () => {};
    };
  }, [person, name]);

  return useCallback(() => {
    if (performance.now() - typedAt.current < typingAgainMs) return;
    typedAt.current = performance.now();
    send.current("typing");
  }, []);
}
