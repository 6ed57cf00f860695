/** A megabyte in one row would freeze the page. */
const maxShown = 2_000;

const token =
  /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/g;

/** The data of an event as text, with JSON syntax colours. */
export function Payload({ text }: { text: string }) {
  const shown = text.slice(0, maxShown);
  return (
    <div className="mt-1.5 min-w-0 font-mono text-[0.8125rem]/5 [overflow-wrap:anywhere] whitespace-pre-wrap sm:mt-0">
      {/* `bdi` isolates the data, so that direction overrides in it cannot reorder other text. */}
      <bdi dir="ltr">{highlight(shown)}</bdi>
      {text.length > maxShown && (
        <span className="text-muted"> … {text.length.toLocaleString("en")} characters in all</span>
      )}
    </div>
  );
}

function highlight(text: string) {
  if (!/^[[{]/.test(text)) return text;
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(token)) {
    const [all, string, colon] = match;
    if (match.index > end) parts.push(mute(text.slice(end, match.index), end));
    if (colon !== undefined) parts.push(mute(all, match.index));
    else if (string !== undefined) parts.push(<bdi key={match.index}>{string}</bdi>);
    else
      parts.push(
        <span key={match.index} className="text-accent">
          {all}
        </span>,
      );
    end = match.index + all.length;
  }
  parts.push(mute(text.slice(end), end));
  return parts;
}

function mute(text: string, key: number) {
  return (
    <span key={key} className="text-muted">
      {text}
      <wbr />
    </span>
  );
}
