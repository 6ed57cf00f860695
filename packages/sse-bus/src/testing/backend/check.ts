/** Fails the running test: a plain error, as every test runner understands. */
export function fail(message: string): never {
  throw new Error(message);
}

export function check(condition: unknown, message: string): asserts condition {
  if (!condition) fail(message);
}

/** Compares what JSON can show. */
export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  const [shown, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (shown === wanted) return;
  fail(`${what}\n  expected ${shorten(wanted)}\n  received ${shorten(shown)}`);
}

/** That a promise rejects with an `SseBusError` of one of these codes. */
export async function checkRejects(
  promise: Promise<unknown>,
  codes: readonly string[],
  what: string,
): Promise<void> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error ?? "nothing",
  );
  check(outcome !== undefined, `${what}: it resolved and MUST reject (${codes.join(" or ")}).`);
  const { name, code, message } = outcome as { name?: string; code?: string; message?: string };
  check(
    name === "SseBusError" && codes.includes(code ?? ""),
    `${what}: it MUST reject with an SseBusError of code ${codes.join(" or ")}, and rejected with ${name} ${code}: ${message}`,
  );
}

function shorten(text: string | undefined): string {
  const whole = text ?? "undefined";
  return whole.length > 2000 ? `${whole.slice(0, 2000)}… (${whole.length} characters)` : whole;
}
