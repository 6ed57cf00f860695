import { type NextRequest, NextResponse } from "next/server";
import { hostNotAllowed, isAllowedHost } from "@/lib/allowed-host";
import { newVisitorSecret, visitorCookie, visitorOf } from "@/features/notifications/identity";

/** The pages that know their visitor. */
const personal = new Set(["/notifications", "/chat"]);

/** Refuses hosts that the package's routes refuse, for pages and Server Actions. */
export function proxy(request: NextRequest): Response {
  if (!isAllowedHost(request.headers.get("host"))) return hostNotAllowed();
  const isNew = personal.has(request.nextUrl.pathname) && !visitorOf(request.headers);
  return isNew ? welcome(request) : NextResponse.next();
}

/** Gives a new visitor a cookie. Only here, because shared caches may keep the other pages. */
function welcome({ headers, nextUrl }: NextRequest): Response {
  const secret = newVisitorSecret();
  const known = headers.get("cookie");
  const own = `${visitorCookie}=${secret}`;
  // The page that is rendered now already has the cookie.
  const withCookie = new Headers(headers);
  withCookie.set("cookie", known ? `${own}; ${known}` : own);
  const response = NextResponse.next({ request: { headers: withCookie } });
  response.cookies.set(visitorCookie, secret, {
    httpOnly: true,
    sameSite: "lax",
    secure: (headers.get("x-forwarded-proto") ?? nextUrl.protocol).startsWith("https"),
    path: "/",
    maxAge: 365 * 86_400,
  });
  return response;
}

export const config = {
  // The routes of the package have this check. The upload has it too, because Next buffers the body of a
  // request that passes through here, and keeps only its first 10 MB.
  matcher:
    "/((?!(?:inspector|api/(?:sse|chat/events|notifications|publish|presence|guarantees|upload))$).*)",
};
