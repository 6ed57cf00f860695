/** A message's place in the order, which its id begins with, whether or not the channel follows it. */
export function positionOf(id: string): string {
  return id.split("@", 1)[0] as string;
}
