import { useRouter } from "next/navigation";
import { useState } from "react";

/**
 * What the server rendered first, until `refresh` asks for another render, as one does after a gap:
 * the page's data is loaded anew, with the cursor that belongs to it.
 *
 * Use its `cursor` as the `key` of what follows the channel, so that it starts there.
 */
export function useServerRender<Props extends { cursor: string }>(
  props: Props,
): readonly [Props, refresh: () => void] {
  const router = useRouter();
  const [shown, setShown] = useState(props);
  const [isStale, setStale] = useState(false);
  if (isStale && props.cursor !== shown.cursor) {
    setShown(props);
    setStale(false);
  }
  const refresh = () => {
    setStale(true);
    router.refresh();
  };
  return [shown, refresh];
}
