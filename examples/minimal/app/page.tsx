"use client";

import { useEffect, useState } from "react";

export default function Page() {
  const [log, setLog] = useState<MessageEvent[]>([]);

  useEffect(() => {
    let lastId = "";
    const show = (event: MessageEvent) => {
      lastId = event.lastEventId;
      setLog((events) => [...events.slice(-99), event]);
    };
    const listen = (source: EventSource) => {
      for (const type of ["hello", "message", "gap"]) source.addEventListener(type, show);
      return source;
    };
    let source = listen(new EventSource("/api/sse"));
    // The browser reconnects by itself, except after an error page such as a proxy's 502.
    const timer = setInterval(() => {
      if (source.readyState !== EventSource.CLOSED) return;
      source = listen(new EventSource(`/api/sse?from=${lastId}`));
    }, 2_000);
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, []);
  return <pre role="log">{log.map(({ type, data }) => `${type} ${data}\n`)}</pre>;
}
