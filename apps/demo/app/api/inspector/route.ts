import { createSseRoute } from "sse-bus/next";
import { mayInspect, notFoundResponse } from "@/features/inspector/access";
import { internalBus } from "@/lib/internal-bus";

/** Answers 404 without access to the inspector. */
export async function GET(request: Request): Promise<Response> {
  if (!(await mayInspect())) return notFoundResponse();
  return createSseRoute({ bus: internalBus(), authorize: mayInspect }).GET(request);
}
