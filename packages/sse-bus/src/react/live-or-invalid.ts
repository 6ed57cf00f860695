import { isSseBusError } from "../core/errors.ts";
import type { LiveValue } from "./use-live.ts";

/** Defines a live value. One whose name is invalid fails alone, as a channel does, and the page stays. */
export function liveOrInvalid<Value>(
  define: () => LiveValue<Value>,
  initial: Value,
): LiveValue<Value> {
  try {
    return define();
  } catch (error) {
    if (!isSseBusError(error)) throw error;
    // No channel has this name.
    return { channel: "", event: undefined, initial };
  }
}
