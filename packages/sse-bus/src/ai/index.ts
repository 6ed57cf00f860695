export {
  type AuthorizeChat,
  type ChatAction,
  type ChatContext,
  type ChatRouteOptions,
} from "./chat-options.ts";
export { type ChatRoutes, type ChatSource, createChatRoutes } from "./chat-routes.ts";
