/**
 * `authorize` from a JSON Web Token, with `jose`.
 *
 * @module
 */

export { jwtAuthorize } from "./jwt-authorize.ts";
export type { JwtAuthorizeOptions, JwtGrants, JwtKey } from "./jwt-options.ts";
