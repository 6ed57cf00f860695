import { redirect } from "next/navigation";
import { admit, notThere } from "@/features/inspector/access";

/** `GET /api/inspector/enter?token=…`, once for each browser. A wrong token and none look alike. */
export async function GET(request: Request): Promise<Response> {
  if (!(await admit(request))) return notThere();
  return redirect("/inspector");
}
