/** What the client needs of its page. */
export interface ClientHost extends Partial<
  Pick<EventTarget, "addEventListener" | "removeEventListener">
> {
  readonly location?: { readonly href: string };
  readonly navigator?: {
    readonly onLine?: boolean;
    /** Missing on plain `http://` outside localhost. */
    readonly locks?: Pick<LockManager, "request"> | undefined;
  };
  readonly BroadcastChannel?: typeof BroadcastChannel;
}
