import { createBus } from "sse-bus";

export const bus = createBus();
