import { useEffect, useRef, useState } from "preact/hooks";
import { Client, type Model } from "./client";

/** The client of a view, closed with it. */
export function useClient(model: Model): Client {
  const [client] = useState(() => new Client(model));
  useEffect(() => () => client.close(), []);
  return client;
}

interface Page {
  total: number;
  rows: unknown[];
}

/** Rows that come by the page, from the first again when `key` changes; meanwhile the last ones stay. `more` asks for the next page, if there is one. */
export function usePages<P extends Page>(fetch: (offset: number) => Promise<P>, key: string): [page: P | null, problem: string | null, more: () => void] {
  const [page, setPage] = useState<P | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const asked = useRef("");
  const load = (offset: number) => {
    asked.current = `${key} ${offset}`;
    fetch(offset).then(
      (next) => {
        if (asked.current !== `${key} ${offset}`) return;
        setProblem(null);
        setPage((before) => (offset && before ? { ...next, rows: [...before.rows, ...next.rows] } : next));
      },
      (error) => setProblem(error.message),
    );
  };
  useEffect(() => load(0), [key]);
  const next = page?.rows.length ?? 0;
  return [page, problem, () => next < (page?.total ?? 0) && asked.current !== `${key} ${next}` && load(next)];
}
