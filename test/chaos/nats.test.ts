import { startNats } from "../support/nats.ts";
import { testChaos } from "./suite.ts";

testChaos("NATS", { start: () => startNats(), url: (port) => `nats://127.0.0.1:${port}` });
