import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { cookies } from "next/headers";
import { inspectorToken } from "./token";

const cookieName = "sse_bus_inspector";

/** In development: always. In production: with the cookie that the token gives. */
export async function mayInspect(): Promise<boolean> {
  return isPass((await cookies()).get(cookieName)?.value);
}

/** Sets a cookie when the token is right. The cookie does not contain the token. */
export async function grantAccess(request: Request): Promise<boolean> {
  const { searchParams, protocol } = new URL(request.url);
  const token = inspectorToken();
  const given = searchParams.get("token");
  if (token === undefined || given === null || !isEqual(given, token)) return false;
  const isSecure = (request.headers.get("x-forwarded-proto") ?? protocol).startsWith("https");
  (await cookies()).set(cookieName, passOf(token), {
    httpOnly: true,
    sameSite: "lax",
    secure: isSecure,
    path: "/",
    maxAge: 12 * 3_600,
  });
  return true;
}

/** The response without access: 404. */
export function notFoundResponse(): Response {
  return new Response("Not found", { status: 404, headers: { "Cache-Control": "no-store" } });
}

function isPass(given: string | undefined): boolean {
  if (process.env.NODE_ENV === "development") return true;
  const token = inspectorToken();
  return token !== undefined && given !== undefined && isEqual(given, passOf(token));
}

/** The cookie's value. A new token invalidates all cookies. */
function passOf(token: string): string {
  return createHmac("sha256", token).update("sse-bus inspector").digest("base64url");
}

/** Compares digests, so that the time reveals neither the token nor its length. */
function isEqual(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
