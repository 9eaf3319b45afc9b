import { useEffect, useState } from "preact/hooks";
import type { Model } from "./client";

const kept = new WeakMap<Model, Map<string, unknown>>();

/** State that outlives its view: an output that is published anew draws its panel anew, and the reader should not notice. */
export function useKept<T>(model: Model, key: string, initial: T): [T, (next: T | ((before: T) => T)) => void] {
  if (!kept.has(model)) kept.set(model, new Map());
  const store = kept.get(model)!;
  const [value, set] = useState<T>(store.has(key) ? (store.get(key) as T) : initial);
  return [
    value,
    (next) =>
      set((before) => {
        const after = typeof next === "function" ? (next as (before: T) => T)(before) : next;
        store.set(key, after);
        return after;
      }),
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
