/** In an application: does this session's user own the chat? */
export async function ownsChat(headers: Headers, id: string): Promise<boolean> {
  return headers.get("x-user") === id.split("-")[0];
}
