import { sharedBus } from "sse-bus";

export const bus = sharedBus();
