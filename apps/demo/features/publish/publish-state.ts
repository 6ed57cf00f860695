/** The longest text of the form. The bus itself accepts far more. */
export const maxTextLength = 1_000;

/** The action's result: the id of the published message, or an error. */
export interface PublishState {
  publishedId?: string;
  error?: string;
  /** The typed text, returned with an error. */
  text?: string;
}
