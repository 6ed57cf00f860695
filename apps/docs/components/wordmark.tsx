/** The mark shows the architecture: one log, and readers at different positions. */
export function Wordmark() {
  return (
    <span className="inline-flex items-center gap-2 font-semibold tracking-tight">
      <svg viewBox="0 0 32 32" className="size-6" aria-hidden="true">
        <path
          d="M4 7h24M9 7v8M16 7v14M23 7v5"
          fill="none"
          stroke="currentColor"
          strokeWidth="3"
          strokeLinecap="round"
        />
        <g className="fill-fd-primary">
          <circle cx="9" cy="18.5" r="3.5" />
          <circle cx="16" cy="24.5" r="3.5" />
          <circle cx="23" cy="15.5" r="3.5" />
        </g>
      </svg>
      sse-bus
    </span>
  );
}
