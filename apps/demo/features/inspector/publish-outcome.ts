/** The result of the inspector's publish action. */
export interface PublishOutcome {
  publishedId?: string;
  error?: string;
  code?: string;
  /** The typed values. */
  given?: { channel: string; event: string; key: string; data: string };
}
