import { asText } from "../kit/text";
import type { SpanRow } from "../kit/types";

// Direction and control characters are written as escapes: pasted code must read as it runs.
const HIDDEN = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** A text as a Python literal. */
export function literal(text: string): string {
  return JSON.stringify(text).replace(HIDDEN, (char) => {
    const code = char.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

function value(of: unknown): string {
  if (of === null || of === undefined) return "None";
  if (of === true) return "True";
  if (of === false) return "False";
  if (typeof of === "string") return literal(of);
  if (Array.isArray(of)) return `[${of.map(value).join(", ")}]`;
  if (typeof of === "object") return `{${Object.entries(of).map(([key, one]) => `${literal(key)}: ${value(one)}`).join(", ")}}`;
  return String(of);
}

const isName = (text: string): boolean => /^[A-Za-z_]\w*$/.test(text);
const options = (given: Record<string, unknown>): string =>
  Object.entries(given)
    .filter(([key, one]) => isName(key) && one != null && !["model", "messages", "rollout_id"].includes(key))
    .map(([key, one]) => `, ${key}=${value(one)}`)
    .join("");

/** Python that makes the same call again: the LM with its messages, or the predictor with its inputs. */
export function code(span: SpanRow): string | null {
  if (span.kind === "lm" && span.messages?.length) {
    const messages = span.messages.map((message) => `    {"role": ${literal(message.role)}, "content": ${typeof message.content === "string" ? literal(message.content) : value(message.content)}},\n`).join("");
    return `import lmnb\n\nlm = lmnb.LM(${literal(span.name)})\nlm(messages=[\n${messages}]${options(span.request ?? {})})\n`;
  }
  if (span.kind === "predict") {
    const names = Object.keys(span.inputs);
    const outputs = Object.keys(span.outputs ?? {}).filter(isName);
    if (!names.length || !names.every(isName) || !outputs.length) return null;
    const inputs = names.map((name) => `    ${name}=${literal(asText(span.inputs[name]))},\n`).join("");
    return `import lmnb\n\npredict = lmnb.Predict(${literal(`${names.join(", ")} -> ${outputs.join(", ")}`)})\npredict(\n${inputs})\n`;
  }
  return null;
}
