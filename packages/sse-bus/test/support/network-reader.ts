import { internalsOf } from "../../src/core/bus.ts";
import { closeReader } from "../../src/core/engine.ts";
import { controlChannelOf } from "../../src/core/instances/instances.ts";
import { openReader } from "../../src/core/open-reader.ts";

/** Opens what an event stream opens: the control channel, and a reader in the engine. @returns closes it */
export async function openNetworkReader(bus: object, ...topics: string[]): Promise<() => void> {
  const internals = internalsOf(bus);
  const { engine } = internals;
  await controlChannelOf(internals).open();
  const sink = { write: () => true, end() {} };
  const options = { topics, start: "now", sink, isLocal: false, isReady: true } as const;
  const { reader } = await openReader(engine, options);
  return () => closeReader(engine, reader);
}
