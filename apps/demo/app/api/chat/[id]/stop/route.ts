import { chat } from "@/features/chat/server";

export const POST = chat.stop;
