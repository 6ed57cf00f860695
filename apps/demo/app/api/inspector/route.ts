import { createSseRoute } from "sse-bus/next";
import { mayInspect, notThere } from "@/features/inspector/access";
import { snapshots } from "@/features/inspector/server";

/** To whoever has not entered it is not there. */
export async function GET(request: Request): Promise<Response> {
  if (!(await mayInspect())) return notThere();
  return createSseRoute({ bus: snapshots(), authorize: mayInspect }).GET(request);
}
