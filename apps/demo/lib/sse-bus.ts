import { sharedBus } from "sse-bus";
import { backendFromUrl } from "sse-bus/backends";
import { schemas } from "./schemas";

/** One bus for the whole process, however many bundles import this file. */
export const bus = sharedBus({
  backend: backendFromUrl(process.env.SSE_BUS_URL),
  schemas,
});

export const { subscribe, publish } = bus;
