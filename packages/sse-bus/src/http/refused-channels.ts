import { isSseBusError } from "../core/errors.ts";
import { askAuthorize } from "./ask-authorize.ts";
import type { Authorize, AuthorizeContext } from "./authorize.ts";

/**
 * Which of several channels `authorize` denies, each checked alone, so that a page with one forbidden
 * channel can omit it and keep the others. Empty if that is unknown.
 *
 * This grants nothing: the client's next request is judged again, as a whole. A rule about the set, such
 * as "three at most", therefore still holds; no channel is named then.
 */
export async function findRefused(
  authorize: Authorize,
  context: AuthorizeContext,
  timeoutMs: number,
): Promise<readonly string[]> {
  const { channels } = context;
  if (channels.length < 2 || channels.length > MAX_CHECKED) return [];
  const refused: string[] = [];
  const until = Date.now() + timeoutMs;
  // One after the other: a refusal must not become a hundred database queries at once.
  for (const channel of channels) {
    const leftMs = until - Date.now();
    if (leftMs <= 0) return [];
    const alone = { ...context, channels: [channel] };
    const answer = await askAuthorize(authorize, alone, leftMs).catch(answerOfFailure);
    if (answer === 401 || answer === 503) return [];
    if (answer === 403) refused.push(channel);
  }
  return refused.length < channels.length ? refused : [];
}

/** A batch may have a thousand channels. */
const MAX_CHECKED = 100;

/** Not reported: the request is refused already. */
function answerOfFailure(error: unknown): 403 | 503 {
  return isSseBusError(error) && error.code === "AUTHORIZATION_UNAVAILABLE" ? 503 : 403;
}
