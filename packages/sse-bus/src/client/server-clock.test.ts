import { expect, test } from "vitest";
import { createPageServerClock } from "./server-clock.ts";

const frame = { type: "frame", channel: "default" } as const;
const NOW = "1-mb1x2k9a-k3x9q7aa";

test.each([
  ["ping", NOW, '{"time":1e300}'],
  ["ping", NOW, '{"time":-1e300}'],
  ["ping", NOW, '{"time":8640000000000001}'],
  ["ping", NOW, '{"time":"5"}'],
  ["message", "1-zzzzzzzzzzzzzz-a", "1"],
])("a %s with the cursor %j and the data %s does not set the clock", (event, cursor, data) => {
  const clock = createPageServerClock();
  clock.onFrame({ ...frame, event, cursor, data });
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
  const time = 1_764_450_000_000;
  clock.onFrame({ ...frame, event: "ping", cursor: NOW, data: JSON.stringify({ time }) });
  expect(Math.abs(clock.now() - time)).toBeLessThan(1000);
});
