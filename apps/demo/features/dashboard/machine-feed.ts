import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Feed } from "./feed";

const intervalMs = 250;

/** Live values of this server process. */
export function machineFeed(): Feed {
  return {
    sensors: [
      { id: "server-cpu", name: "Server CPU", unit: "%", source: "live" },
      { id: "server-delay", name: "Server event loop", unit: "ms", source: "live" },
    ],
    start(emit) {
      const delay = monitorEventLoopDelay({ resolution: 10 });
      delay.enable();
      let used = process.cpuUsage();
      let at = performance.now();
      const timer = setInterval(() => {
        const spent = process.cpuUsage(used);
        const now = performance.now();
        const percent = (spent.user + spent.system) / 10 / (now - at);
        // Ticks are 10 ms apart when the event loop is idle.
        const late = Math.max(0, delay.max / 1e6 - 10);
        used = process.cpuUsage();
        at = now;
        delay.reset();
        emit({ id: "server-cpu", value: Math.round(percent * 10) / 10 });
        emit({ id: "server-delay", value: Math.round(late * 10) / 10 });
      }, intervalMs).unref();
      return () => {
        clearInterval(timer);
        delay.disable();
      };
    },
  };
}
