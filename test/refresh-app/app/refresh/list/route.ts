import { connection } from "next/server";
import { listOrders, setStatus, type Order } from "@/lib/orders";

export async function GET(): Promise<Response> {
  await connection();
  return Response.json(await listOrders());
}

export async function POST(request: Request): Promise<Response> {
  await setStatus((await request.json()) as Order);
  return new Response(null, { status: 204 });
}
