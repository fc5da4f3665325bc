import "./menu.css";
import { useEffect, useRef, type ReactNode } from "react";

/** A button that opens a small sheet under itself; a click elsewhere, or Escape, closes it. */
export function Menu({ label, children }: { readonly label: ReactNode; readonly children: ReactNode }) {
  const place = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const closeOutside = (event: PointerEvent): void => {
      if (event.target instanceof Node && place.current?.contains(event.target) === false) place.current.open = false;
    };
    const closeByKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && place.current !== null) place.current.open = false;
    };
    document.addEventListener("pointerdown", closeOutside);
    document.addEventListener("keydown", closeByKey);
    return () => {
      document.removeEventListener("pointerdown", closeOutside);
      document.removeEventListener("keydown", closeByKey);
    };
  }, []);
  return (
    <details ref={place} className="menu">
      <summary className="button">{label}</summary>
      <div className="menu-sheet">{children}</div>
    </details>
  );
}
