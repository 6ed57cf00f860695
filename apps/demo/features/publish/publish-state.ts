/** Characters that the box takes. The bus itself takes far more; nobody types it. */
export const maxTextLength = 1_000;

/** What the action tells the form: the id of what was published, or why it was not. */
export interface PublishState {
  publishedId?: string;
  error?: string;
  /** What was typed, given back when it was refused. */
  text?: string;
}
