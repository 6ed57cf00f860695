import { redirect } from "next/navigation";
import { admit, notThere } from "@/features/inspector/access";
import { takeEntryTurn } from "@/features/publish/rate-limit";

/** `GET /api/inspector/enter?token=…`, once for each browser. A wrong token and none look alike. */
export async function GET(request: Request): Promise<Response> {
  // Before the token is looked at: out of turn the right one does not enter either.
  const waitMs = await takeEntryTurn();
  if (waitMs > 0) return tooMany(waitMs);
  if (!(await admit(request))) return notThere();
  return redirect("/inspector");
}

function tooMany(waitMs: number): Response {
  const headers = { "Retry-After": String(Math.ceil(waitMs / 1_000)), "Cache-Control": "no-store" };
  return new Response("Too many tries", { status: 429, headers });
}
