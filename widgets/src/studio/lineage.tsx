import { Button } from "../kit/controls";
import { score, signed } from "../kit/format";
import { Text } from "../kit/text";
import type { Detail } from "../kit/types";

/** From the first candidate to this one, each step with what it brought. */
export function Lineage({ detail, onSelect }: { detail: Detail; onSelect: (id: string) => void }) {
  return (
    <ol class="lineage">
      {detail.lineage.map((step, n) => {
        const before = detail.lineage[n - 1]?.score;
        const gain = before != null && step.score != null ? step.score - before : null;
        const here = step.id === detail.id;
        return (
          <li key={step.id} class={here ? "here" : ""} aria-current={here ? "true" : undefined}>
            <Button class="link" id={step.id} disabled={here} onClick={() => onSelect(step.id)}>
              #{step.number}
            </Button>
            <span>
              <Text>{step.label}</Text>
            </span>
            <span class="num">{score(step.score)}</span>
            <span class={`num ${gain == null ? "" : gain < 0 ? "down" : "up"}`}>{gain == null ? "" : signed(gain)}</span>
          </li>
        );
      })}
    </ol>
  );
}
