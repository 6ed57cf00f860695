import { useNats } from "../support/nats.ts";
import { testPresence } from "./suite.ts";

testPresence("NATS", {
  use: useNats,
  schedules: Number(process.env.SSE_BUS_PRESENCE_SCHEDULES ?? 200),
});
