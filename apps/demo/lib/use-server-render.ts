import { useRouter } from "next/navigation";
import { useState } from "react";

/**
 * The props of the first server render, until `refresh` requests another one, as after a gap. The
 * new render brings new data and its cursor.
 *
 * Use `cursor` as the `key` of the component that reads the channel, so that it restarts from there.
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
