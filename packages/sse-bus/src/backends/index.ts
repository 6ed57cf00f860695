/**
 * The backend that a URL names, for `SSE_BUS_URL`.
 *
 * @module
 */

export { backendFromUrl } from "./backend-from-url.ts";
