/** A channel to another process or thread. Messages arrive whole, once, and in the order sent. */
export interface Transport {
  /** `onSent` is called once this process does not hold the message any more. */
  send(message: unknown, onSent: () => void): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
}
