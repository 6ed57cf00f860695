import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Creates a certificate for localhost in this folder; returns the hub's flags for it. */
export function selfSigned(folder: string): string[] {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
  const args = [...request.split(" "), "-subj", "/CN=localhost", "-keyout", key, "-out", cert];
  execFileSync("openssl", args, { stdio: "ignore" });
  return ["--tls-cert", cert, "--tls-key", key];
}
