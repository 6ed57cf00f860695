/**
 * The body of an answer.
 *
 * @throws TypeError for a response without one, or with an error's status
 */
export function bodyOf(response: Response): ReadableStream<Uint8Array> {
  // Not `instanceof`: the SDK may run in another realm.
  if (response?.ok && response.body) return response.body;
  throw new TypeError(
    `The source of an answer must return a response with status 200 and a body, such as that of toUIMessageStreamResponse(); got ${response?.status ?? typeof response}.`,
  );
}
