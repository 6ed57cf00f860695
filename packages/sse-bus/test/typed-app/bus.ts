import { createBus } from "sse-bus";

export type Channels = {
  default: { message: string };
  clock: { tick: { at: Date } };
  "orders/*": { message: { total: number }; cancelled: { why: string } };
};

export const bus = createBus<Channels>();

declare module "sse-bus/react" {
  interface Register {
    bus: typeof bus;
  }
}
