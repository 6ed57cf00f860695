import { nodeRuntimeRequired } from "../core/edge-runtime.ts";
import { isOpen } from "../http/publish-options.ts";
import type * as node from "./index.ts";

// `sse-bus/next` in the edge runtime (the condition `edge-light` of package.json's exports): the same names.
// Without it webpack fails on Node modules, and Turbopack builds routes that never work.

/** @throws SseBusError `NODE_RUNTIME_REQUIRED` */
export const createSseRoute: typeof node.createSseRoute = () => {
  throw nodeRuntimeRequired("createSseRoute");
};

/** @throws SseBusError `NODE_RUNTIME_REQUIRED` */
export const createPublishRoute: typeof node.createPublishRoute = () => {
  throw nodeRuntimeRequired("createPublishRoute");
};

/** @throws SseBusError `NODE_RUNTIME_REQUIRED` */
export const createPresenceRoute: typeof node.createPresenceRoute = () => {
  throw nodeRuntimeRequired("createPresenceRoute");
};

/** @throws SseBusError `NODE_RUNTIME_REQUIRED` */
export const createInspectorRoute: typeof node.createInspectorRoute = () => {
  throw nodeRuntimeRequired("createInspectorRoute");
};

/** @throws SseBusError `NODE_RUNTIME_REQUIRED` */
export const createHealthRoute: typeof node.createHealthRoute = () => {
  throw nodeRuntimeRequired("createHealthRoute");
};

/** @throws SseBusError `NODE_RUNTIME_REQUIRED` */
export const createMetricsRoute: typeof node.createMetricsRoute = () => {
  throw nodeRuntimeRequired("createMetricsRoute");
};

/** Next.js runs `instrumentation.ts` in both runtimes: there is nothing to prepare in this one. */
export const registerSseBus: typeof node.registerSseBus = async () => {};

export const isPublishingOpen: typeof node.isPublishingOpen = () => isOpen(process.env);
