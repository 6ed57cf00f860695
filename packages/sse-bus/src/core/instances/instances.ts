import { attachmentOf, type BusInternals } from "../bus-internals.ts";
import type { ControlChannel } from "./control-channel.ts";
import { createDemand, type Demand } from "./demand.ts";
import { createInstanceTable, type InstanceTable } from "./instance-table.ts";
import { createSingletons, type Singletons } from "./singletons.ts";

/** What a bus knows of the instances that share its log, and what stands on it. */
interface Attachment {
  readonly table: InstanceTable;
  readonly demand: Demand;
  readonly singletons: Singletons;
}

const ATTACHMENT = "instances";

/**
 * The instances of a bus. The first call makes the table, which `control.open()` fills. Every process that
 * has event streams opens it, as it has to know what the others watch.
 */
export function instancesOf(internals: BusInternals): InstanceTable {
  return partsOf(internals).table;
}

/** The control channel of a bus; not open before `open()`. */
export function controlChannelOf(internals: BusInternals): ControlChannel {
  return partsOf(internals).table.control;
}

/** The demand of a bus; not complete before the control channel is open. */
export function demandOf(internals: BusInternals): Demand {
  return partsOf(internals).demand;
}

/** The singletons of a bus; none is held before the control channel is open. */
export function singletonsOf(internals: BusInternals): Singletons {
  return partsOf(internals).singletons;
}

/** The server shuts down: the others take over at once what this instance does for all. Idempotent. */
export function retireInstance({ attachments }: BusInternals): void {
  void (attachments.get(ATTACHMENT) as Attachment | undefined)?.table.retire();
}

function partsOf(internals: BusInternals): Attachment {
  return attachmentOf(internals, ATTACHMENT, () => {
    const table = createInstanceTable(internals);
    return {
      table,
      demand: createDemand(internals, table),
      singletons: createSingletons(table),
    };
  });
}
