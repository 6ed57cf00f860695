interface Options {
  development: boolean;
}

/**
 * What browsers may do with the pages: load from this origin only, and be shown in nobody's frame.
 *
 * Next writes each page's data in inline scripts. A nonce for them would make every page dynamic, so
 * inline scripts are allowed; no page builds HTML from what it reads. Development compiles with `eval`.
 */
export function securityHeaders({ development }: Options): { key: string; value: string }[] {
  const policy = [
    "default-src 'self'",
    `script-src 'self' 'unsafe-inline'${development ? " 'unsafe-eval'" : ""}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    `connect-src 'self'${development ? " ws:" : ""}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
  return [
    { key: "Content-Security-Policy", value: policy.join("; ") },
    { key: "X-Frame-Options", value: "DENY" },
    { key: "X-Content-Type-Options", value: "nosniff" },
    { key: "Referrer-Policy", value: "same-origin" },
  ];
}
