import { assertTopic, isPattern, topicCovers } from "./channel-name.ts";
import { SseBusError } from "./errors.ts";

/**
 * A validator: the part of the Standard Schema interface that the bus uses (version 1, standardschema.dev).
 * Zod, Valibot, ArkType and others implement it.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Validators by channel or pattern, then by event. `message` is the default event; `*` stands for every event
 * without a validator of its own. An exact channel has priority over the first pattern that covers it.
 */
export type Schemas = Readonly<Record<string, Readonly<Record<string, StandardSchema>>>>;

/** @throws SseBusError `INVALID_CHANNEL` if validators are declared for a name that cannot be published to. */
export function assertSchemas(schemas: Schemas | undefined): void {
  for (const topic of Object.keys(schemas ?? {})) assertTopic(topic);
}

/**
 * Runs the validator of a channel and event. Returns its output, or a promise of it; the output is what the
 * bus publishes. Without `schemas`, returns the data unchanged.
 *
 * @throws SseBusError `UNDECLARED`, `VALIDATION_FAILED`
 */
export function validate(
  schemas: Schemas | undefined,
  channel: string,
  event: string,
  data: unknown,
): unknown {
  if (!schemas) return data;
  const schema = findSchema(schemas, channel, event);
  const result = schema["~standard"].validate(data);
  return result instanceof Promise
    ? result.then((settled) => readResult(settled, channel, event))
    : readResult(result, channel, event);
}

function findSchema(schemas: Schemas, channel: string, event: string): StandardSchema {
  const covering =
    (Object.hasOwn(schemas, channel) ? channel : undefined) ??
    Object.keys(schemas).find((topic) => isPattern(topic) && topicCovers(topic, channel));
  const events = covering === undefined ? undefined : schemas[covering];
  const name = events && [event, "*"].find((one) => Object.hasOwn(events, one));
  const schema = name === undefined ? undefined : events?.[name];
  if (schema) return schema;
  throw new SseBusError(
    "UNDECLARED",
    events
      ? `Event "${event}" is not declared for channel "${channel}": add it to the bus's \`schemas\`.`
      : `Channel "${channel}" is not declared: add it, or a pattern that covers it, to the bus's \`schemas\`.`,
  );
}

function readResult(result: SchemaResult<unknown>, channel: string, event: string): unknown {
  if (!result.issues) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => {
    const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
    return `${["data", ...keys].join(".")}: ${message}`;
  });
  throw new SseBusError(
    "VALIDATION_FAILED",
    `Data for "${event}" on "${channel}" was refused by its schema: ${issues.join("; ")}`,
    { cause: result.issues },
  );
}
