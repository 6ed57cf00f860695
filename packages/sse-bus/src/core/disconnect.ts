import { attachmentOf, type BusInternals } from "./bus-internals.ts";
import {
  assertDisconnect,
  type Disconnect,
  type DisconnectOptions,
  type DisconnectTarget,
  readDisconnect,
} from "./disconnect-target.ts";
import { assertOpen } from "./engine.ts";
import { createInstanceId } from "./instances/instance-id.ts";
import { controlChannelOf } from "./instances/instances.ts";
import { unreadableError } from "./stored-message.ts";

/** The streams of this process, for `bus.disconnect`. */
export interface DisconnectHandler {
  /** Ends the streams that are meant, in this turn. @returns how many */
  end(disconnect: Disconnect): number;
  /** Disconnects of other instances may have been missed. */
  onGap(): void;
}

/** Kept with the bus, as bundles have copies of this module. */
interface Attachment {
  /** The sender in the messages of this process, which it ignores: it has already acted on them. */
  readonly sender: string;
  handler: DisconnectHandler | undefined;
}

/** The event on the control channel. */
const EVENT = "disconnect";

const MALFORMED = new Error("it has no valid `identity`, `connection` or `channel`");

/**
 * Ends streams here in this turn, and then on every other instance.
 *
 * The log has one order: an instance receives the message before every message that was stored after it. So
 * a revoked stream gets nothing that was published after the returned promise resolved.
 *
 * @throws SseBusError `INVALID_OPTION`, `INVALID_CHANNEL`, `BUS_CLOSED`, `BACKEND_UNAVAILABLE`
 */
export async function disconnect(
  internals: BusInternals,
  target: DisconnectTarget,
  options: DisconnectOptions = {},
): Promise<number> {
  assertOpen(internals.engine);
  assertDisconnect(target, options);
  const { code } = options;
  const order: Disconnect = { ...target, ...(code !== undefined && { code }) };
  const { sender, handler } = ownOf(internals);
  const ended = handler?.end(order) ?? 0;
  await controlChannelOf(internals).send(EVENT, { ...order, sender });
  return ended;
}

/** Lets `handler` end streams, for disconnects of this process and of the others. Called once per bus. */
export function handleDisconnects(internals: BusInternals, handler: DisconnectHandler): void {
  const attachment = ownOf(internals);
  attachment.handler = handler;
  const control = controlChannelOf(internals);
  control.on(EVENT, (data) => {
    if ((data as { sender?: unknown } | null)?.sender === attachment.sender) return;
    const order = readDisconnect(data);
    if (order) handler.end(order);
    else internals.onError(unreadableError("A disconnect of another instance", MALFORMED));
  });
  control.onGap(() => handler.onGap());
}

function ownOf(internals: BusInternals): Attachment {
  return attachmentOf(internals, "disconnect", (): Attachment => ({
    sender: createInstanceId(),
    handler: undefined,
  }));
}
