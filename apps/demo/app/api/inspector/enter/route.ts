import { redirect } from "next/navigation";
import { grantAccess, notFoundResponse } from "@/features/inspector/access";
import { takeEntryTurn } from "@/features/publish/rate-limit";

/** `GET /api/inspector/enter?token=…`, once for each browser. A wrong token and none look alike. */
export async function GET(request: Request): Promise<Response> {
  // Before the token is compared: beyond the rate limit even the right token is refused.
  const waitMs = await takeEntryTurn();
  if (waitMs > 0) return tooMany(waitMs);
  if (!(await grantAccess(request))) return notFoundResponse();
  return redirect("/inspector");
}

function tooMany(waitMs: number): Response {
  const headers = { "Retry-After": String(Math.ceil(waitMs / 1_000)), "Cache-Control": "no-store" };
  return new Response("Too many tries", { status: 429, headers });
}
