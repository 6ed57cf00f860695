"use client";

import { useEffect, useState } from "react";

export default function Page() {
  const [log, setLog] = useState<string[]>([]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let lastId = "";
    let source = new EventSource("/api/sse");
    listen();

    function listen() {
      for (const type of ["hello", "message", "gap", "ping"]) {
        source.addEventListener(type, ({ data, lastEventId }) => {
          lastId = lastEventId;
          if (type !== "ping") setLog((lines) => [...lines.slice(-99), `${type} ${data}`]);
        });
      }
      // A browser reconnects by itself, but not after an error page, such as a proxy's 502.
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(reopen, 2_000);
      });
    }

    function reopen() {
      source = new EventSource(`/api/sse?from=${lastId}`);
      listen();
    }

    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, []);

  return <pre role="log">{log.join("\n")}</pre>;
}
