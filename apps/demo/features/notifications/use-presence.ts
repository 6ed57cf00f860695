import { useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { serverClock } from "@/lib/server-clock";
import type { Author } from "./entry";
import {
  addSign,
  beatMs,
  type Presence,
  presenceChannel,
  type PresenceSign,
  type PresenceStatus,
  type Present,
  presentAt,
} from "./presence";
import { readPublishedSign } from "./shape";
import { randomId } from "./visitor";

/** Typing is told again this often, for as long as it goes on. */
const typingAgainMs = 2_000;

interface PresenceOptions {
  initial: Presence;
  cursor: string;
  /** When the server rendered `initial`, by its clock. */
  renderedAt: number;
  visitor: Author;
}

/** Who is there, and the function that tells that the visitor is typing. */
export function usePresence(options: PresenceOptions): readonly [Present[], typing: () => void] {
  const { initial, cursor, renderedAt, visitor } = options;
  const [now, setNow] = useState(renderedAt);
  const { data } = useChannel(presenceChannel, {
    event: "sign",
    initial,
    cursor,
    reduce: (presence: Presence, data: unknown, { time }: Message) => {
      const sign = readPublishedSign(data);
      return sign ? addSign(presence, { ...sign, time }) : presence;
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
  const typing = useSigns(visitor);
  return [presentAt(data, now), typing];
}

/** Tells the server that this window is there, until it is left. */
function useSigns({ person, name }: Author): () => void {
  const give = useRef<(status: PresenceStatus) => void>(() => {});
  const typedAt = useRef(-Infinity);

  useEffect(() => {
    if (!person || !name) return undefined;
    const window = randomId();
    let turn = 0;
    let isLeft = false;
    give.current = (status) => {
      const sign: PresenceSign = { window, turn: turn++, person, name, status };
      // One that is lost is followed by another; the last one outlives its page.
      fetch("/api/presence", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Presence": "1" },
        body: JSON.stringify(sign),
        keepalive: true,
      }).catch(() => {});
    };
    const beat = () => {
      // A page that is left is hidden, too, in which order depends on the browser.
      if (!isLeft) give.current(document.visibilityState === "visible" ? "here" : "away");
    };
    const leave = () => {
      isLeft = true;
      give.current("left");
    };
    const comeBack = () => {
      isLeft = false;
      beat();
    };
    const timer = setInterval(beat, beatMs);
    beat();
    document.addEventListener("visibilitychange", beat);
    addEventListener("pagehide", leave);
    addEventListener("pageshow", comeBack);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", beat);
      removeEventListener("pagehide", leave);
      removeEventListener("pageshow", comeBack);
      if (!isLeft) leave();
      give.current = () => {};
    };
  }, [person, name]);

  return useCallback(() => {
    if (performance.now() - typedAt.current < typingAgainMs) return;
    typedAt.current = performance.now();
    give.current("typing");
  }, []);
}
