import { maxUploadBytes } from "@/features/progress/job";
import { receiveUpload } from "@/features/progress/receive-upload";
import { takeUploadSlot } from "@/features/progress/upload-slots";
import { takePublishTurn, visitor } from "@/features/publish/rate-limit";
import { hostNotAllowed, isAllowedHost } from "@/lib/allowed-host";

/** `POST /api/upload?name=…` with the file as the body. Nothing is stored. */
export async function POST(request: Request): Promise<Response> {
  if (!isAllowedHost(request.headers.get("host"))) return hostNotAllowed();
  // A form of another site cannot send this header, so other sites cannot upload through a visitor's browser.
  if (request.headers.get("x-upload") === null)
    return refuse(403, "The header X-Upload is missing.");
  const waitMs = await takePublishTurn();
  if (waitMs > 0) return refuse(429, "Too many requests. Try again in a moment.");
  const size = Number(request.headers.get("content-length") ?? 0);
  if (size > maxUploadBytes) return refuse(413, "Files may have at most 100 MB.");
  if (!request.body) return refuse(400, "The file is missing.");
  const name = new URL(request.url).searchParams.get("name")?.slice(0, 100) || "A file";
  const release = takeUploadSlot(await visitor());
  if (!release)
    return refuse(429, "Two of your uploads are running. Try again when one has ended.");
  try {
    const { result } = await receiveUpload({ name, size, body: request.body });
    return await result.then(
      (outcome) => Response.json({ outcome }),
      (error: Error) => refuse(400, error.message),
    );
  } catch (error) {
    return refuse(503, (error as Error).message);
  } finally {
    release();
  }
}

function refuse(status: number, detail: string): Response {
  return Response.json(
    { type: "about:blank", status, detail },
    { status, headers: { "Content-Type": "application/problem+json" } },
  );
}
