import type { InstanceTable } from "../instances/instance-table.ts";
import { SseBusError } from "../errors.ts";
import { withTimeout } from "../timers.ts";
import type { LocalMembers, StateOutcome } from "./local-members.ts";

/** Sets the state of streams, also of those on other instances. */
export interface RemoteStates {
  /**
   * Sets the state of a stream of this instance, or passes it on to the others: `sent` if there are some.
   *
   * @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  set(connection: string, channel: string, state: unknown): Promise<StateOutcome | "sent">;
}

export interface RemoteStatesOptions {
  readonly table: InstanceTable;
  readonly local: LocalMembers;
  readonly onError: (error: Error) => void;
}

/** Characters of a state as JSON: 1 KiB, of which each byte may be escaped as six. */
const MAX_STATE_LENGTH = 6 * 1024;
/** A backend that does not answer for this long is unavailable. */
const MAX_WAIT_MS = 5000;

export function createRemoteStates({ table, local }: RemoteStatesOptions): RemoteStates {
  const { control } = table;
  control.on("presence-state", (data) => {
    const { connection, channel, state } = (data ?? {}) as Record<string, unknown>;
    if (typeof connection !== "string" || typeof channel !== "string") return;
    if (JSON.stringify(state ?? null).length > MAX_STATE_LENGTH) return;
    local.setState(connection, channel, state ?? undefined);
  });

  return {
    async set(connection, channel, state) {
      const outcome = local.setState(connection, channel, state);
      if (outcome !== "unknown-connection") return outcome;
      // While the backend is unavailable, the control channel waits. A request must not.
      await withTimeout(control.open(), MAX_WAIT_MS, unavailable);
      const others = [...table.live().keys()].filter((id) => id !== table.id);
      if (others.length === 0) return outcome;
      await control.send("presence-state", { connection, channel, state: state ?? null });
      return "sent";
    },
  };
}

function unavailable(): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `The state could not be passed on within ${MAX_WAIT_MS} ms, because the backend does not answer. Retry later.`,
  );
}
