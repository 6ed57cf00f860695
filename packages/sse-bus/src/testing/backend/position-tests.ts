import type { Position } from "../../core/position.ts";
import type { BackendTest } from "./backend-test.ts";
import { check, checkEqual, fail } from "./check.ts";
import type { Instance } from "./instance.ts";
import type { TestPublished } from "./test-message.ts";
import { publishEach } from "./load.ts";
import { checkArrived, checkFollows, type Recorder } from "./recorder.ts";
import type { Lab } from "./lab.ts";
import { startTimeout } from "../../core/timers.ts";

/** Longer than the shortest retention below takes, with what servers round it up by, in ms. */
const WATCH_MS = 1600;

export const positionTests: readonly BackendTest[] = [
  {
    name: "positions: they never repeat or decrease if limits drop the newest message and keep older ones",
    async run(lab) {
      const history = {
        channels: { "short/**": { maxAgeMs: 200 }, none: { maxMessages: 0 } },
      };
      const scene = await createScene(lab, history);
      await scene.publish(["kept", "kept", "short/1", "none"]);
      await scene.publish(["short/2", "short/1"]);
      const until = Date.now() + WATCH_MS;
      // Nothing announces a deletion, so the head is watched while it happens.
      while (Date.now() < until) {
        await scene.checkHeads();
        await new Promise((resolve) => startTimeout(resolve, 100));
      }
      await scene.publish(["kept", "none", "short/1", "kept"]);
      await scene.finish();
    },
  },
  {
    name: "positions: they never repeat or decrease if an operator deletes messages",
    needs: "deleteMessages",
    async run(lab) {
      const scene = await createScene(lab);
      await scene.publish(["kept", "a", "b", "b"]);
      // The newest alone, then what has become the newest, then all there is.
      for (const deleted of [["b"], ["a"], ["kept", "a", "b"]]) {
        for (const channel of deleted) await lab.deleteMessages(channel);
        await scene.checkHeads();
        await scene.publish(["a", "b"]);
      }
      for (const channel of ["a", "b", "kept"]) await lab.deleteMessages(channel);
      await scene.checkHeads();
      await scene.finish();
    },
  },
  {
    name: "positions: they never repeat or decrease if the server restarts after all messages were deleted",
    needs: ["deleteMessages", "outage"],
    async run(lab) {
      const [one, two] = [await lab.open(), await lab.open()];
      const published = await publishEach(one, ["a", "b", "a", "b", "a"]);
      const last = published.at(-1) ?? fail("Nothing was published");
      for (const channel of ["a", "b"]) await lab.deleteMessages(channel);
      // Nobody who has seen the old head lives through it.
      for (const instance of [one, two]) await instance.close();
      await lab.stop();
      await lab.start();
      const late = await lab.open();
      const next = await late.insist("a");
      check(
        next.epoch !== last.epoch || next.seq > last.seq,
        `Position ${next.seq} was given after ${last.seq} in one epoch: a server that has forgotten its head MUST begin a new epoch.`,
      );
    },
  },
];

interface Scene {
  publish(channels: readonly string[]): Promise<void>;
  /** Checks that no instance, open or new, has a head before the newest message. */
  checkHeads(): Promise<void>;
  finish(): Promise<void>;
}

async function createScene(lab: Lab, history = {}): Promise<Scene> {
  const instances = [await lab.open(history), await lab.open(history)] as const;
  const recorder = await instances[1].listen("**");
  const published: TestPublished[] = [];

  async function checkHead({ backend }: Instance): Promise<void> {
    const head = await backend.readHead();
    const last = published.at(-1) ?? fail("Nothing was published");
    checkNotBefore(head, last, "cursor()");
    checkEqual(head.epoch, last.epoch, "Whatever is deleted, the log has one epoch:");
  }

  const scene: Scene = {
    async publish(channels) {
      for (const [index, channel] of channels.entries()) {
        const last = published.at(-1);
        const [next] = await publishEach(instances[index % 2 === 0 ? 0 : 1], [channel]);
        if (!next) continue;
        published.push(next);
        if (!last) continue;
        checkFollows(next, last, "Whatever was deleted");
        checkNotBefore(next, last, "The next message");
      }
      await checkArrived(lab, recorder, published);
    },
    async checkHeads() {
      for (const instance of instances) await checkHead(instance);
    },
    async finish() {
      const late = await lab.open(history);
      await checkHead(late);
      checkNotBefore(late.backend.head(), published.at(-1) ?? fail("Nothing"), "head()");
      await scene.publish(["kept", "a"]);
      await checkHead(late);
      for (const { restarts } of [...instances, late]) {
        checkEqual(restarts, [], "A deletion MUST NOT restart the log:");
      }
      checkNothingLost(recorder);
    },
  };
  return scene;
}

function checkNotBefore(position: Position, last: Position, what: string): void {
  for (const part of ["seq", "time"] as const) {
    check(
      position[part] >= last[part],
      `${what} MUST NOT go back, whatever was deleted: its ${part} is ${position[part]}, and ${last[part]} was given before.`,
    );
  }
}

/** Who was there when a message came has lost nothing, whatever is deleted later. */
function checkNothingLost({ losses, messages }: Recorder): void {
  const first = messages[0]?.seq ?? 0;
  for (const seq of losses) {
    check(seq < first, `Messages up to ${seq} were reported as lost to a feed that received them.`);
  }
}
