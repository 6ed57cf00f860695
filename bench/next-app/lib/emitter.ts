import { EventEmitter } from "node:events";

const shared = globalThis as { benchEmitter?: EventEmitter };

export const emitter = (shared.benchEmitter ??= new EventEmitter().setMaxListeners(0));
