export type { InstanceReport, ReportedProcess } from "../http/instance-report.ts";
export type { WebClient, WebRequestHandler } from "../http/web-form.ts";
export { createInspectorHandler } from "./create-inspector-handler.ts";
export type { InspectorData } from "./inspector.ts";
export type {
  InspectorAuthorization,
  InspectorAuthorize,
  InspectorContext,
  InspectorGrant,
  InspectorHandlerOptions,
  InspectorOptions,
} from "./inspector-options.ts";
export { tokenAuthorize } from "./token-authorize.ts";
