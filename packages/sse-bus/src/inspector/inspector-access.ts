import { SseBusError } from "../core/errors.ts";
import { assertCount } from "../core/history.ts";
import { createAddressRate } from "../http/address-rate.ts";
import type { Authorize } from "../http/authorize.ts";
import type { HttpCall } from "../http/call.ts";
import { assertAllowedHosts, checkHost, type HostOptions } from "../http/host.ts";
import { requirePermission } from "../http/permission.ts";
import type { Problem } from "../http/problem.ts";
import { Refusal } from "../http/refusal.ts";
import type { RouteContext } from "../http/route-context.ts";
import type {
  InspectorAuthorization,
  InspectorAuthorize,
  InspectorEnv,
  InspectorGrant,
  InspectorOptions,
} from "./inspector-options.ts";

/** Decides who may use the inspector. */
export interface InspectorAccess {
  /**
   * What a request may do.
   *
   * @throws Refusal `NOT_FOUND` where the inspector is closed, `HOST_NOT_ALLOWED`, 401, 403, 429, 503
   */
  enter(call: HttpCall): Promise<Required<InspectorGrant>>;
  /** The hosts that are answered. */
  readonly hosts: HostOptions;
}

/** Requests per minute and client address: a page sends 60, and a wrong token counts as a hundred. */
const MAX_REQUESTS_PER_MINUTE = 1200;
const EVERYTHING: Required<InspectorGrant> = { publish: true, disconnect: true };

/** @throws SseBusError `INVALID_OPTION` */
export function createInspectorAccess(
  { onError }: RouteContext,
  { authorize, authorizeTimeoutMs = 10_000, allowedHosts }: InspectorOptions,
  env: () => InspectorEnv,
): InspectorAccess {
  assertCount(authorizeTimeoutMs, "authorizeTimeoutMs");
  assertAllowedHosts(allowedHosts);
  if (authorize !== undefined && typeof authorize !== "function") {
    throw new SseBusError("INVALID_OPTION", "`authorize` must be a function.");
  }
  const rate = createAddressRate(MAX_REQUESTS_PER_MINUTE, {
    done: "used the inspector",
    limit: undefined,
  });
  // Without `authorize` nothing else protects it from a page whose name resolves to this machine.
  const hosts = { allowedHosts: allowedHosts ?? (authorize ? undefined : []) };
  const asking = { timeoutMs: authorizeTimeoutMs, onError };

  return {
    hosts,
    async enter(call) {
      if (!authorize && env().NODE_ENV !== "development") throw new Refusal(CLOSED);
      checkHost(call.head, hosts);
      await rate.spend(call.ip);
      if (!authorize) return EVERYTHING;
      try {
        return await ask(authorize, call.request());
      } catch (error) {
        if (!(error instanceof Refusal) || error.problem.status !== 401) throw error;
        const isGuess = call.head.headers.get("authorization") !== null;
        if (isGuess) await rate.penalise(call.ip);
        throw withChallenge(error.problem, authorize);
      }
    },
  };

  /** @throws Refusal 401, 403, 503 */
  async function ask(
    decide: InspectorAuthorize,
    request: Request,
  ): Promise<Required<InspectorGrant>> {
    let grant: Required<InspectorGrant> | undefined;
    const asAuthorize: Authorize = async () => {
      const answer = await decide({ request });
      grant = readGrant(answer);
      return grant !== undefined || (answer === 401 ? 401 : 403);
    };
    await requirePermission(asAuthorize, { request, channels: [], action: "subscribe" }, asking);
    return grant ?? { publish: false, disconnect: false };
  }
}

/** Only `true` and an object let somebody in; of an object, only what it says is `true`. */
function readGrant(answer: InspectorAuthorization): Required<InspectorGrant> | undefined {
  if (answer === true) return EVERYTHING;
  const isGrant = typeof answer === "object" && answer !== null && isPlain(answer);
  if (!isGrant) return undefined;
  return { publish: answer.publish === true, disconnect: answer.disconnect === true };
}

/** A `Response` or a list is a mistake, and no grant. */
function isPlain(value: object): boolean {
  return Object.prototype.toString.call(value) === "[object Object]";
}

function withChallenge(problem: Problem, { challenge = "Bearer" }: InspectorAuthorize): Refusal {
  return new Refusal({ ...problem, headers: { "WWW-Authenticate": challenge } });
}

const CLOSED: Problem = {
  status: 404,
  code: "NOT_FOUND",
  detail: "The inspector is closed in production: give it the option `authorize`.",
};
