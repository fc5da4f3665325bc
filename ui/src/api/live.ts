import { useEffect, useRef, useSyncExternalStore } from "react";

/** One message of `GET /v1/events/stream`. */
export interface LiveEvent {
  readonly id: number;
  readonly name: string;
  /** The house's time, which runs fast while the past is replayed. */
  readonly at: string;
  readonly subject: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type LiveState = "connecting" | "open" | "lost";

type Listener = (event: LiveEvent) => void;

const address = "/v1/events/stream";
const retryAfter = 3000;

/** One connection for the whole app. Pages say which events they care for; names are added as they ask. */
class LiveStream {
  private source: EventSource | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private lastId = "";
  private missedSome = false;
  private latest: LiveEvent | undefined;
  private currentState: LiveState = "connecting";
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly watchers = new Set<() => void>();
  private readonly comebacks = new Set<() => void>();

  get state(): LiveState {
    return this.currentState;
  }

  get latestEvent(): LiveEvent | undefined {
    return this.latest;
  }

  start(): void {
    document.addEventListener("visibilitychange", () => {
      // Browsers allow six connections to one host over HTTP/1.1: a hidden tab must not keep one.
      if (document.hidden) this.close();
      else this.open();
    });
    if (!document.hidden) this.open();
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Called when the stream is back after a gap, in which the house may have forgotten old events. */
  onComeback(comeback: () => void): () => void {
    this.comebacks.add(comeback);
    return () => this.comebacks.delete(comeback);
  }

  listen(name: string, listener: Listener): () => void {
    let known = this.listeners.get(name);
    if (known === undefined) {
      known = new Set();
      this.listeners.set(name, known);
      this.source?.addEventListener(name, this.receive);
    }
    known.add(listener);
    return () => known.delete(listener);
  }

  private open(): void {
    if (this.source !== undefined) return;
    clearTimeout(this.retry);
    const source = new EventSource(this.lastId === "" ? address : `${address}?after=${encodeURIComponent(this.lastId)}`);
    this.source = source;
    for (const name of this.listeners.keys()) source.addEventListener(name, this.receive);
    source.onmessage = this.receive;
    source.onopen = () => {
      this.become("open");
      if (this.missedSome) for (const comeback of this.comebacks) comeback();
      this.missedSome = false;
    };
    source.onerror = () => {
      this.missedSome = true;
      this.become("lost");
      // The browser retries by itself after a broken connection, but not after an answer it dislikes.
      if (source.readyState !== EventSource.CLOSED) return;
      this.source = undefined;
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.open(), retryAfter);
    };
  }

  private close(): void {
    clearTimeout(this.retry);
    this.missedSome = true;
    this.source?.close();
    this.source = undefined;
  }

  private readonly receive = (message: MessageEvent<string>): void => {
    const event = JSON.parse(message.data) as LiveEvent;
    this.lastId = message.lastEventId;
    this.latest = event;
    for (const listener of this.listeners.get(event.name) ?? []) listener(event);
    for (const watcher of this.watchers) watcher();
  };

  private become(state: LiveState): void {
    this.currentState = state;
    for (const watcher of this.watchers) watcher();
  }
}

export const live = new LiveStream();

const watchLive = (watcher: () => void): (() => void) => live.watch(watcher);

export function useLiveState(): LiveState {
  return useSyncExternalStore(watchLive, () => live.state);
}

/** The newest event that any part of the page listens to. */
export function useLatestEvent(): LiveEvent | undefined {
  return useSyncExternalStore(watchLive, () => live.latestEvent);
}

/**
 * Calls `react` when events of these names arrive: soon after the first of a burst, once for all of it,
 * and once more after a lost connection came back (then with no events).
 */
export function useLive(
  names: readonly string[],
  react: (events: readonly LiveEvent[]) => void,
  everyMilliseconds = 400,
): void {
  const latestReact = useRef(react);
  useEffect(() => {
    latestReact.current = react;
  });
  const joined = names.join(" ");
  useEffect(() => {
    if (joined === "") return undefined;
    let collected: LiveEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        const events = collected;
        collected = [];
        latestReact.current(events);
      }, everyMilliseconds);
    };
    const stops = joined.split(" ").map((name) =>
      live.listen(name, (event) => {
        collected.push(event);
        soon();
      }),
    );
    stops.push(live.onComeback(soon));
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [joined, everyMilliseconds]);
}
