/**
 * One value for the whole process: routes, actions and instrumentation are bundles of their own,
 * and each evaluates a module anew, as hot reload does.
 */
export function perProcess<Value>(name: string, make: () => Value): Value {
  const shared = globalThis as { [key: symbol]: Value | undefined };
  return (shared[Symbol.for(`sse-bus.demo.${name}`)] ??= make());
}
