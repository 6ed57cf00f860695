import { createSseRoute } from "sse-bus/next";
import { mayInspect, notFoundResponse } from "@/features/inspector/access";
import { snapshots } from "@/features/inspector/server";

/** Answers 404 without access to the inspector. */
export async function GET(request: Request): Promise<Response> {
  if (!(await mayInspect())) return notFoundResponse();
  return createSseRoute({ bus: snapshots(), authorize: mayInspect }).GET(request);
}
