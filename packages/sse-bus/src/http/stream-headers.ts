/**
 * Headers of every stream. `no-transform`, because compressed streams arrive late or never;
 * `X-Accel-Buffering`, because nginx buffers otherwise. A private stream must not be stored (RFC 9111
 * §5.2.2.5).
 */
export function streamHeaders({ isPrivate }: { readonly isPrivate: boolean }) {
  return {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": `${isPrivate ? "no-store" : "no-cache"}, no-transform`,
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
  };
}
