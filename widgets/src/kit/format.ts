/** How numbers are written, one place for all views. */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const count = (n: number): string => whole.format(n);

export const plural = (n: number, word: string): string => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

/** `2 m 10 s`, `1.84 s`, `41 ms`; one digit fewer than a clock, one more than a guess. */
export function seconds(s: number | null | undefined): string {
  if (s == null || !isFinite(s)) return "…";
  if (s < 0.0995) return `${Math.max(s * 1000, 0).toFixed(s < 0.00095 ? 1 : 0)} ms`;
  if (s < 9.995) return `${s.toFixed(2)} s`;
  return duration(s);
}

/** For countdowns: no fractions, so that the text does not flicker. */
export function duration(s: number): string {
  const t = Math.max(0, Math.round(s));
  if (t < 60) return `${t} s`;
  if (t < 3600) return `${Math.floor(t / 60)} m ${String(t % 60).padStart(2, "0")} s`;
  return `${Math.floor(t / 3600)} h ${String(Math.floor((t % 3600) / 60)).padStart(2, "0")} m`;
}

export function usd(value: number): string {
  if (value === 0 || Math.abs(value) >= 0.1) return `$${value.toFixed(2)}`;
  return `$${value.toPrecision(2).includes("e") ? value.toExponential(1) : Number(value.toPrecision(2)).toString()}`;
}

export const score = (value: number | null): string => (value == null ? "…" : value.toFixed(1));

export const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
