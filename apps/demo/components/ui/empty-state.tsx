export interface EmptyStateProps {
  /** What is missing, for example "No messages yet". */
  title?: string;
  /** What to do. */
  hint: string;
}

/** The content of a list without items: it says what would be here, and how to get there. */
export function EmptyState({ title, hint }: EmptyStateProps) {
  return (
    <div className="grid h-full place-content-center gap-1 px-6 py-4 text-center text-sm/5">
      {title !== undefined && <p className="font-medium">{title}</p>}
      <p className="max-w-xs text-pretty text-muted">{hint}</p>
    </div>
  );
}
