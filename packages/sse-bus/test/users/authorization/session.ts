interface Session {
  readonly userId: string;
  readonly name: string;
  readonly expiresAt: Date;
}

export const sessions: Map<string, Session> = new Map();

export async function readSession(cookie: string | null): Promise<Session | undefined> {
  return sessions.get(cookie ?? "");
}

export async function deleteSessions(userId: string): Promise<void> {
  for (const [cookie, session] of sessions) if (session.userId === userId) sessions.delete(cookie);
}
