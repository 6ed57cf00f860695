import { type HttpAnswer, PRIVATE_HEADERS } from "./answer.ts";
import type { HttpCall, Handler } from "./call.ts";
import { type CorsOptions, corsHeaders, optionsAnswer } from "./cors.ts";
import { problemAnswer } from "./problem.ts";
import { countRefusal, toRefusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import type { RouteContext } from "./route-context.ts";

export interface AnswerOptions {
  /** The methods of the route, for `Allow`. */
  readonly allow: string;
  readonly cors?: CorsOptions | undefined;
}

/**
 * Answers OPTIONS itself, and everything else with `answer`: what that throws becomes a problem document, counted
 * for the metrics, that pages of allowed origins can read.
 */
export function answerRequests<Body>(
  { connections, onError }: RouteContext,
  { allow, cors }: AnswerOptions,
  answer: (call: HttpCall) => Promise<HttpAnswer<Body>>,
): Handler<Body | string | null> {
  return async (call) => {
    const { head } = call;
    if (head.method === "OPTIONS") return optionsAnswer(head, allow, cors);
    try {
      return await answer(call);
    } catch (error) {
      const refusal = toRefusal(error);
      const { problem } = refusal;
      if (problem.status === 500) onError(error as Error);
      countRefusal(connections, refusal);
      return problemAnswer({
        ...problem,
        headers: { ...problem.headers, ...corsHeaders(head, cors) },
      });
    }
  };
}

/** The headers of an answer that is for this request alone. */
export function answerHeaders(
  head: RequestHead,
  cors: CorsOptions | undefined,
): Readonly<Record<string, string>> {
  return cors ? { ...PRIVATE_HEADERS, ...corsHeaders(head, cors) } : PRIVATE_HEADERS;
}
