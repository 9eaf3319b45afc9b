import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Model } from "./client";

interface Store {
  values: Map<string, unknown>;
  /** Those that show something of it, each to be told that it changed. */
  views: Set<() => void>;
}

const kept = new WeakMap<Model, Store>();

/** State that outlives its view: an output that is published anew draws its panel anew, and the reader should not notice. What a view that is gone
 * still sets (a command of it is done now) reaches the one in its place. */
export function useKept<T>(model: Model, key: string, initial: T): [T, (next: T | ((before: T) => T)) => void] {
  if (!kept.has(model)) kept.set(model, { values: new Map(), views: new Set() });
  const { values, views } = kept.get(model)!;
  const read = () => (values.has(key) ? values.get(key) : initial) as T;
  const [value, set] = useState<T>(read);
  const [follow] = useState(() => () => set(read));
  useLayoutEffect(() => {
    views.add(follow);
    follow(); // what was set between drawing and now
    return () => void views.delete(follow);
  }, []);
  return [
    value,
    (next) => {
      values.set(key, typeof next === "function" ? (next as (before: T) => T)(read()) : next);
      if (views.has(follow)) follow();
      else for (const view of views) view();
    },
  ];
}

/** A trait of the model, as it is now. */
export function useTrait<T>(model: Model, name: string): T {
  const [value, set] = useState<T>(model.get(name));
  useEffect(() => {
    const told = () => set(model.get(name));
    model.on(`change:${name}`, told);
    return () => model.off(`change:${name}`, told);
  }, []);
  return value;
}
