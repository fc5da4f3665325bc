import { useEffect, useRef, useState, type RefObject } from "react";

/** The width of an element in pixels, kept true while the page changes. */
export function useWidth<E extends HTMLElement>(): [RefObject<E | null>, number] {
  const element = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const found = element.current;
    if (found === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(found);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}
