/**
 * One value per process. Routes, actions and instrumentation are separate bundles that each evaluate a
 * module again, as does hot reload.
 */
export function perProcess<Value>(name: string, make: () => Value): Value {
  const shared = globalThis as { [key: symbol]: Value | undefined };
  return (shared[Symbol.for(`sse-bus.demo.${name}`)] ??= make());
}
