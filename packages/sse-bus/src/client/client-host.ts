/** The parts of `window` that the client uses. Outside a browser they may be missing. */
export interface ClientHost extends Partial<
  Pick<EventTarget, "addEventListener" | "removeEventListener">
> {
  readonly location?: { readonly href: string; readonly origin: string };
  readonly navigator?: {
    readonly onLine?: boolean;
    /** Missing on plain `http://` outside localhost. */
    readonly locks?: Pick<LockManager, "request"> | undefined;
  };
  readonly BroadcastChannel?: typeof BroadcastChannel;
}
