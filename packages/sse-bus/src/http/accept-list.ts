/** One range of `Accept`, or one coding of `Accept-Encoding`. */
interface AcceptedItem {
  /** In lower case. */
  readonly name: string;
  /** The text of `q`, if it has one (RFC 9110 §12.4.2). */
  readonly quality: string | undefined;
}

/** The items of a list that a client accepts, in the order of the list. */
export function readAcceptList(header: string): readonly AcceptedItem[] {
  return header.split(",").map((item) => {
    const [name = "", ...parameters] = item.split(";").map((text) => text.trim().toLowerCase());
    return { name, quality: parameters.find((text) => text.startsWith("q="))?.slice(2) };
  });
}
