/** The parts of `window` that the client uses. Outside a browser they may be missing. */
export interface ClientHost extends Partial<
  Pick<EventTarget, "addEventListener" | "removeEventListener">
> {
  readonly location?: { readonly href: string; readonly origin: string };
  readonly navigator?: {
    readonly onLine?: boolean;
    /** Missing on plain `http://` outside localhost. */
    readonly locks?: Pick<LockManager, "request"> | undefined;
    /** Chromium's, which says when the network changes. */
    readonly connection?: Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined;
  };
  /** Missing in workers. */
  readonly sessionStorage?: Pick<Storage, "getItem" | "setItem">;
  readonly BroadcastChannel?: typeof BroadcastChannel;
}
