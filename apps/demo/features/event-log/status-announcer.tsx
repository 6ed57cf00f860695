"use client";

import { useEffect, useRef, useState } from "react";
import { throttle } from "./throttle";

const quietMs = 5_000;

interface Status {
  label: string;
  total: number;
}

/** Announces the state and the number of new events to screen readers, at most every five seconds. */
export function StatusAnnouncer({ label, total }: Status) {
  const [sentence, setSentence] = useState("");
  const latest = useRef<Status>({ label, total });
  const announcer = useRef<ReturnType<typeof throttle>>(null);

  useEffect(() => {
    let said: Status = { label: "", total: 0 };
    const announce = throttle(() => {
      setSentence(describe(said, latest.current));
      said = latest.current;
    }, quietMs);
    announcer.current = announce;
    return announce.cancel;
  }, []);

  useEffect(() => {
    latest.current = { label, total };
    announcer.current?.request();
  }, [label, total]);

  return <output className="sr-only">{sentence}</output>;
}

function describe(before: Status, now: Status): string {
  const fresh = now.total - before.total;
  // The total makes each sentence unique: screen readers do not repeat an equal one.
  const events = fresh === 0 ? "" : `${fresh} new, ${now.total} in all.`;
  return now.label === before.label ? events : `${now.label}. ${events}`;
}
