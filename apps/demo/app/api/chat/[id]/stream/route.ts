import { chat } from "@/features/chat/server";

export const GET = chat.resume;
