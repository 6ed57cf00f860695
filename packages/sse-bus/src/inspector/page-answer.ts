import { type HttpAnswer, PRIVATE_HEADERS } from "../http/answer.ts";
import type { RequestHead } from "../http/request-head.ts";

/**
 * The inspector's page. Its policy allows the one script and the one style that it contains, by their hashes, and
 * requests to its own origin: nothing that the bus has published can become script, markup or a request.
 */
export async function pageAnswer({ method }: RequestHead): Promise<HttpAnswer> {
  // Only now, because most processes never send it.
  const { html, scriptHash, styleHash } = await import("./page/bundle.ts");
  const policy = [
    "default-src 'none'",
    `script-src '${scriptHash}'`,
    `style-src '${styleHash}'`,
    "connect-src 'self'",
    // The empty icon, without which browsers ask the server for one.
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    status: 200,
    headers: {
      ...PRIVATE_HEADERS,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy.join("; "),
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
      "Referrer-Policy": "same-origin",
      "X-Frame-Options": "DENY",
      "X-Robots-Tag": "noindex",
      // The same URL answers the data.
      Vary: "Accept",
    },
    body: method === "HEAD" ? null : html,
  };
}
