import type { Interest } from "./interest.ts";
import type { MultiplexerMessage } from "./protocol.ts";

/** Keeps one stream that serves all tabs of a group. See SPEC.md, "One stream for all". */
export interface Multiplexer {
  /** What a tab wants now. A tab repeats it at least at every `ping`. */
  setInterest(tab: string, interest: Interest): void;
  /** What the tabs want, together. */
  channels(): readonly string[];
  /** Finds a dead stream now, ends a wait that the server did not ask for, and tries the stream while it polls. */
  check(): void;
  /** Asks again for everything at once, with fresh credentials: make before break. */
  renew(): void;
  close(): void;
}

export interface MultiplexerHandlers {
  onMessage(message: MultiplexerMessage): void;
  /** The server takes fewer channels in one stream. The tabs then repeat their interest. */
  onTooMany(channels: readonly string[]): void;
  /** Whether no other multiplexer of this client has a channel. */
  isAlone(): boolean;
}
