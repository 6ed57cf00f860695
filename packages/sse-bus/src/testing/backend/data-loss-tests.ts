import type { Backend } from "../../core/backend.ts";
import type { LogMessage } from "../../core/message.ts";
import { type Cursor, parseCursor } from "../../core/position.ts";
import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual } from "./check.ts";
import { insistOn } from "./insist.ts";
import type { Instance } from "./instance.ts";
import { eventLoop, publishEach, repeat } from "./load.ts";
import { checkArrived, checkExactly } from "./recorder.ts";

export const dataLossTests: readonly BackendTest[] = [
  {
    name: "data loss: every instance reports it without a publish, and all agree on the new epoch",
    needs: "loseData",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      await two.listen("a");
      const [old] = await publishEach(one, repeat("a", 3));
      await lab.loseData();
      for (const { restarts } of [one, two]) {
        await lab.until("onRestart() to be called after the data loss", () => restarts.length > 0);
      }
      const epochs = [one, two].map(({ backend }) => backend.head().epoch);
      checkEqual(epochs[0], epochs[1], "Instances MUST agree on the epoch:");
      check(epochs[0] !== old?.epoch, "After data were lost the epoch MUST be a new one.");
      checkEqual((await two.backend.readHead()).epoch, epochs[0], "cursor() is of the new epoch:");
      const { messages } = await two.backend.read("a");
      checkEqual(messages.length, 0, "Messages of the lost log in the new one's history:");
      const published = [await one.insist("a"), await two.insist("a")];
      for (const { epoch } of published) checkEqual(epoch, epochs[0], "publish() is of it too:");
    },
  },
  {
    name: "data loss: no result is of a new epoch before onRestart() is called",
    needs: "loseData",
    async run(lab) {
      const instances = [await lab.open(), await lab.open(), await lab.open()];
      await publishEach(instances[0] as Instance, repeat("a", 3));
      await lab.loseData();
      for (const instance of instances) {
        const { backend, restarts } = instance;
        const first = backend.head().epoch;
        const heed = (what: string, epoch: string | undefined): void => {
          if (epoch === undefined || epoch === first || restarts.includes(epoch)) return;
          lab.violated(
            `${what} gave an answer of the epoch ${epoch} before onRestart() was called.`,
          );
        };
        const asked: Record<string, () => Promise<string | undefined>> = {
          "publish()": async () => (await instance.publish("a")).epoch,
          "cursor()": async () => (await backend.readHead()).epoch,
          "read()": async () => epochOf((await backend.read("a")).messages.at(-1)),
          "subscribe()": async () => (await subscribeOnce(backend)).epoch,
        };
        const isTold = (): boolean => restarts.length > 0;
        const ask = async (what: string): Promise<void> => {
          for (;;) {
            await asked[what]?.().then(
              (epoch) => heed(what, epoch),
              () => {},
            );
            if (isTold()) return;
            // Some answers come without the event loop, which what is waited for needs.
            await eventLoop();
          }
        };
        await lab.within("To detect the new log", Promise.all(Object.keys(asked).map(ask)));
      }
    },
  },
  {
    name: "data loss: messages published right after it have the new epoch, and reach open subscriptions",
    needs: "loseData",
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const recorders = [await two.listen("a"), await two.listen("*"), await one.listen("a")];
      const old = await publishEach(one, repeat("a", 30));
      for (const recorder of recorders) await checkArrived(lab, recorder, old);
      for (let round = 0; round < 2; round++) {
        const before = await one.backend.readHead();
        await lab.loseData();
        const published = [];
        for (let n = 0; n < 10; n++) published.push(await (n % 2 ? one : two).insist("a"));
        for (const { epoch, seq } of published) {
          check(epoch !== before.epoch, `Message ${seq} is still of the epoch of the lost log.`);
        }
        for (const { restarts } of [one, two]) {
          await lab.until("onRestart() to be called", () => restarts.length > round);
        }
        published.push(await one.insist("a"), await two.insist("a"));
        // As in a first subscription: history up to there and the live messages after it are complete.
        for (const recorder of recorders) await checkArrived(lab, recorder, published);
        // A connection that broke with the log may be noticed only at its next use.
        const { messages } = await insistOn(lab.timeoutMs, async () => two.backend.read("a"));
        checkExactly(messages, published, { topic: "a" });
      }
    },
  },
];

async function subscribeOnce(backend: Backend): Promise<Cursor> {
  const { cursor, close } = await backend.subscribe("a", { message() {}, lost() {} });
  close();
  return cursor;
}

/** The epoch in a message's frame. */
function epochOf(message: LogMessage | undefined): string | undefined {
  if (!message) return undefined;
  const [line = ""] = new TextDecoder().decode(message.frame).split("\n");
  return parseCursor(line.slice("id: ".length))?.epoch;
}
