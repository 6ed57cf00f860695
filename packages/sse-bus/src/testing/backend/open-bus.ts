import type { Backend } from "../../core/backend.ts";
import { createBus } from "../../core/bus.ts";
import type { Bus } from "../../core/bus-types.ts";
import type { HistoryOptions } from "../../core/history.ts";
import type { Lab } from "./lab.ts";

/** A bus on another connection of the tested log. */
export async function openBus(lab: Lab, history?: HistoryOptions): Promise<Bus> {
  const { backend } = await lab.connect();
  return busOn(lab, backend, history);
}

export function busOn(lab: Lab, backend: Backend, history?: HistoryOptions): Bus {
  const bus = createBus({ backend, ...(history && { history }), onError: () => lab.changed() });
  lab.adopt(backend, bus.close);
  return bus;
}
