/**
 * Chat routes for the AI SDK. An answer survives a reload, and every tab shows it.
 *
 * @module
 */

export {
  type AuthorizeChat,
  type ChatAction,
  type ChatContext,
  type ChatRouteOptions,
} from "./chat-options.ts";
export { type ChatRoutes, type ChatSource, createChatRoutes } from "./chat-routes.ts";
