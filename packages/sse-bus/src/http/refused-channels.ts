import { type Authorize, type AuthorizeContext, decide, type DecideOptions } from "./authorize.ts";

/**
 * Which of several channels `authorize` refuses, asked for each alone, so that a page with one
 * forbidden channel can do without it and keep the others.
 *
 * Nothing is granted by this: a client that asks again for the rest is judged again, as a whole. So a
 * rule about the set, such as "three at most", stays what it is; then none is named.
 */
export async function findRefused(
  authorize: Authorize,
  context: AuthorizeContext,
  { timeoutMs }: DecideOptions,
): Promise<readonly string[]> {
  const refused: string[] = [];
  const until = Date.now() + timeoutMs;
  // One after the other: a refusal must not be a way to ask a database a hundred things at once.
  for (const channel of context.channels) {
    const leftMs = until - Date.now();
    if (leftMs <= 0) return [];
    const decision = await decide(
      authorize,
      { ...context, channels: [channel] },
      // What fails here has been refused already; it is no news.
      { timeoutMs: leftMs, onError: () => {} },
    );
    if (!("problem" in decision)) continue;
    if (decision.problem.status !== 403) return [];
    refused.push(channel);
  }
  return refused.length < context.channels.length ? refused : [];
}
