import { nodeRuntimeRequired } from "../core/edge-runtime.ts";
import type * as node from "./index.ts";

/**
 * What `sse-bus/backends` is in the edge runtime: clients of databases cannot be built for it.
 *
 * @throws SseBusError `NODE_RUNTIME_REQUIRED`
 */
export const backendFromUrl: typeof node.backendFromUrl = () => {
  throw nodeRuntimeRequired("backendFromUrl");
};
