import { internalsOf } from "../../core/bus.ts";
import type { LiveDefinition, LiveSnapshot } from "../../core/live/live-types.ts";
import { readLive } from "../../core/live/read-live.ts";
import { parseCursor } from "../../core/position.ts";
import type { BackendTest } from "./backend-test.ts";
import { checkReceived, send, type Sent, subscribeTo } from "./bus-subscriber.ts";
import { checkEqual } from "./check.ts";
import { openBus } from "./open-bus.ts";

/** Lists the ids of the messages that it was folded from. */
const ids: LiveDefinition = {
  channel: "a/1",
  event: undefined,
  initial: [],
  reduce: (value: readonly string[], _: never, { id }) => [...value, id],
  validate: undefined,
};

export const liveValueTests: readonly BackendTest[] = [
  {
    name: "bus: a live value is exact at its cursor, on each instance, and any other continues from there",
    async run(lab) {
      const buses = [await openBus(lab), await openBus(lab)];
      const sent: Sent[] = [];
      for (let n = 0; n < 6; n++) {
        const [reader, publisher] = [lab.random.pick(buses), lab.random.pick(buses)];
        sent.push(await send(lab, publisher, "a/1"), await send(lab, publisher, "b"));
        const reading = lab.within("live.read()", readLive(internalsOf(reader), ids));
        sent.push(await send(lab, publisher, "a/1"));
        const { value, cursor } = (await reading) as LiveSnapshot<readonly string[]>;
        const at = parseCursor(cursor)?.seq ?? 0;
        const expected = sent
          .filter(({ channel, id }) => channel === "a/1" && (parseCursor(id)?.seq ?? 0) <= at)
          .map(({ id }) => id.split("@")[0]);
        checkEqual(
          value,
          expected,
          "The value MUST have all messages up to its cursor, and no other:",
        );
        const rest = subscribeTo(lab, lab.random.pick(buses), { channel: "a/1", after: cursor });
        await checkReceived(lab, rest, sent);
        rest.close();
      }
    },
  },
];
