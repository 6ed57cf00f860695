import type { Packet } from "../core/packet.ts";
import type { Sink } from "../core/sink.ts";
import { OwnedSink, type SinkOwner } from "./byte-sink.ts";

/** When a permission expires, in ms since 1970, and how to renew it. */
export interface Expiry {
  readonly expiresAt: number;
  /** Resolves with the new time, or `undefined` for no. Does not reject. */
  readonly renew: () => Promise<number | undefined>;
}

/** The stream whose permission expires. */
export interface PermissionOwner extends SinkOwner {
  /** The permission was not renewed. */
  onDenied(): void;
  /** The permission was renewed; this packet was held for it. */
  onReleased(packet: Packet): void;
}

/**
 * Lets packets through to another sink while the client may read them. The timer that renews permissions may
 * be late: a packet that arrives after `expiresAt` is held until `authorize` has been asked again.
 */
export class PermittedSink extends OwnedSink {
  declare protected readonly owner: PermissionOwner;
  private readonly out: Sink;
  private readonly renew: Expiry["renew"];
  private expiresAt: number;
  private held: Packet | undefined;
  private isRenewing = false;

  constructor(out: Sink, owner: PermissionOwner, { expiresAt, renew }: Expiry) {
    super(owner);
    this.out = out;
    this.expiresAt = expiresAt;
    this.renew = renew;
  }

  get isHolding(): boolean {
    return this.held !== undefined;
  }

  write(packet: Packet): boolean {
    const now = Date.now();
    if (now < this.expiresAt) return this.out.write(packet);
    this.held = packet;
    this.renewIfExpired(now);
    return false;
  }

  renewIfExpired(now: number): void {
    if (now >= this.expiresAt && !this.isRenewing) void this.renewNow();
  }

  private async renewNow(): Promise<void> {
    this.isRenewing = true;
    const expiresAt = await this.renew();
    this.isRenewing = false;
    if (expiresAt === undefined || expiresAt <= Date.now()) {
      this.owner.onDenied();
      return;
    }
    this.expiresAt = expiresAt;
    const { held } = this;
    this.held = undefined;
    if (held) this.owner.onReleased(held);
  }
}
