/** The exports of a route file: `export const { GET, HEAD, … } = createSseRoute({ bus })`. */
export interface RouteHandlers {
  readonly GET: RouteHandler;
  readonly HEAD: RouteHandler;
  readonly POST: RouteHandler;
  readonly PUT: RouteHandler;
  readonly PATCH: RouteHandler;
  readonly DELETE: RouteHandler;
  readonly OPTIONS: RouteHandler;
}

export type RouteHandler = (request: Request) => Promise<Response>;

/**
 * One handler for every method. For methods that a route does not export, Next answers 405 without the `Allow`
 * that RFC 9110 §15.5.6 requires, and it answers HEAD by running GET.
 */
export function forAllMethods(handle: RouteHandler): RouteHandlers {
  return {
    GET: handle,
    HEAD: handle,
    POST: handle,
    PUT: handle,
    PATCH: handle,
    DELETE: handle,
    OPTIONS: handle,
  };
}
