import { assertNotBuilding } from "../build-phase.ts";
import type { BusInternals } from "../bus-internals.ts";
import { assertChannel } from "../channel-name.ts";
import { assertOpen } from "../engine.ts";
import { SseBusError } from "../errors.ts";
import { withTimeout } from "../timers.ts";
import type { Member } from "./member.ts";
import { presenceOf } from "./presence.ts";
import type { ChannelPresence } from "./presence-types.ts";

/** The other instances answer within a second; a backend that takes longer is unavailable. */
const MAX_WAIT_MS = 5000;

/** @throws SseBusError `INVALID_CHANNEL` */
export function createChannelPresence(internals: BusInternals, channel: string): ChannelPresence {
  assertChannel(channel);

  async function list(): Promise<Member[]> {
    assertOpen(internals.engine);
    assertNotBuilding("bus.presence()", "this list");
    const { follower, release } = presenceOf(internals).follow(channel);
    try {
      await withTimeout(follower.ready(), MAX_WAIT_MS, unavailable);
      return [...follower.members.values()];
    } finally {
      release();
    }
  }

  return {
    list,
    count: async () => (await list()).length,
    subscribe(listener) {
      assertOpen(internals.engine);
      if (typeof listener !== "function") {
        throw new SseBusError("INVALID_OPTION", "`listener` must be a function.");
      }
      const { follower, release } = presenceOf(internals).follow(channel);
      const stop = follower.listen(listener);
      return () => {
        stop();
        release();
      };
    },
  };
}

function unavailable(): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `The members could not be read within ${MAX_WAIT_MS} ms, because the backend does not answer. Retry later.`,
  );
}
