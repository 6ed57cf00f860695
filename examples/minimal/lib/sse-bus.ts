import { sharedBus } from "sse-bus";
import { backendFromUrl } from "sse-bus/backends";

/** One bus for the whole process, however many bundles import this file. */
export const bus = sharedBus({ backend: backendFromUrl(process.env.SSE_BUS_URL) });

export const { subscribe, publish } = bus;
