import { useEffect, useState } from "preact/hooks";
import { duration } from "./format";

/** Seconds in words, counted on here so that the kernel need not send the time: `by` is what a second adds. */
export function Clock({ from, by }: { from: number; by: number }) {
  const [passed, setPassed] = useState(0);
  useEffect(() => {
    setPassed(0);
    if (!by) return;
    const start = performance.now();
    const timer = setInterval(() => setPassed((performance.now() - start) / 1000), 1000);
    return () => clearInterval(timer);
  }, [from, by]);
  return duration(from + by * passed);
}
