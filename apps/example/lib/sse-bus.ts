import { sharedBus } from "sse-bus";

/** One bus for the whole process, however many bundles import this file. */
export const bus = sharedBus();

export const { subscribe, publish } = bus;
