import { type NextRequest, NextResponse } from "next/server";
import { hostNotAllowed, isAllowedHost } from "@/lib/allowed-host";

/** Refuses hosts that the package's routes refuse, for pages and Server Actions. */
export function proxy(request: NextRequest): Response {
  return isAllowedHost(request.headers.get("host")) ? NextResponse.next() : hostNotAllowed();
}

export const config = {
  // The routes of the package have this check. The upload has it too, because Next buffers the body of a
  // request that passes through here, and keeps only its first 10 MB.
  matcher: "/((?!api/(?:sse|publish|inspector|inspector/demo|upload)$).*)",
};
