import type { Stored } from "../../core/backend.ts";

/** What a test publishes; what is left out is chosen for it. */
export interface TestMessage {
  readonly event?: string;
  readonly key?: string | undefined;
  readonly id?: string;
  readonly json?: string;
  /** `json` is a string, to be sent as it is. */
  readonly raw?: boolean;
}

/** A message, and where it is in the log. */
export interface TestPublished extends Stored {
  readonly event: string;
  readonly key: string | undefined;
  readonly json: string;
  readonly raw: boolean;
}
