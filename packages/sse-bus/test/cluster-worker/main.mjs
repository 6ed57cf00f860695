import cluster from "node:cluster";
import { createBus } from "sse-bus";

// The primary process and each worker open two buses in memory, and print what is reported.
const codes = [];
for (let count = 0; count < 2; count++) {
  const bus = createBus({ onError: ({ code }) => codes.push(code) });
  await bus.cursor();
  await bus.close();
}
console.log(cluster.isPrimary ? "primary:" : `worker ${cluster.worker.id}:`, codes.join());
if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
} else process.disconnect();
