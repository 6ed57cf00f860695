import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createEventLog, emptyLog } from "./event-log";
import { openEventStream, type Hello, type StreamState } from "./event-stream";

/** The events of a stream and the state of its connection, while the component is mounted. */
export function useEventLog(url: string) {
  const [log] = useState(() => createEventLog());
  const [state, setState] = useState<StreamState>("connecting");
  const [hello, setHello] = useState<Hello>();
  const [heartbeatAt, setHeartbeatAt] = useState<number>();
  const stream = useRef<ReturnType<typeof openEventStream>>(null);

  useEffect(() => {
    const opened = openEventStream(url, {
      onState: setState,
      onHello: setHello,
      onEvent({ type, lastEventId, data }) {
        const time = Date.now();
        if (type === "ping") setHeartbeatAt(time);
        else log.append({ time, event: type, id: lastEventId, data });
      },
    });
    stream.current = opened;
    return opened.close;
  }, [url, log]);

  const snapshot = useSyncExternalStore(log.subscribe, log.getSnapshot, () => emptyLog);
  return {
    ...snapshot,
    state,
    hello,
    heartbeatAt,
    clear: log.clear,
    setPaused: log.setPaused,
    reopen: () => stream.current?.reopen(),
  };
}
