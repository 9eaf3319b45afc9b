import { useEffect, useState } from "preact/hooks";

/** What a question to the kernel gave, and why it gave nothing. Asked again when `on` changes; meanwhile the last answer stays. */
export function useAsk<T>(ask: () => Promise<T> | null | undefined | false, on: unknown[]): [answer: T | null, problem: string | null] {
  const [answer, setAnswer] = useState<T | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let open = true;
    setProblem(null);
    const asked = ask();
    if (asked)
      asked.then(
        (value) => open && setAnswer(value),
        (error) => open && setProblem(error.message),
      );
    return () => void (open = false);
  }, on);
  return [answer, problem];
}
