/** Replaces a text that occurs exactly once. @throws Error if it does not */
export function replaceOnce(text: string, from: string, to: string): string {
  const count = text.split(from).length - 1;
  if (count !== 1) throw new Error(`"${from}" must occur once, and occurs ${count} times`);
  return text.replace(from, to);
}
