interface Options {
  development: boolean;
}

/**
 * Pages may load resources from this origin only, and may not be framed.
 *
 * Next writes each page's data in inline scripts. A nonce would make every page dynamic, so inline
 * scripts are allowed; no page builds HTML from data. Development needs `eval`.
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
