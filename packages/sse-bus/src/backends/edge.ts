import { nodeRuntimeRequired } from "../core/edge-runtime.ts";
import type * as node from "./index.ts";

/**
 * `sse-bus/backends` in the edge runtime, where database clients do not work.
 *
 * @throws SseBusError `NODE_RUNTIME_REQUIRED`
 */
export const backendFromUrl: typeof node.backendFromUrl = () => {
  throw nodeRuntimeRequired("backendFromUrl");
};
