import type { ComponentChildren } from "preact";
import { Clock } from "./clock";
import { Act, Button, type Commands } from "./controls";
import { nameOf, PartForm } from "./part_form";
import { Long, Text } from "./text";

/** What the kernel says that a place looks like: a text, or `[look, given, ...parts]`. The look is a tag with classes (`p.muted.num`; `.muted` is a
 * `span`), nothing for parts without an element around them, or one of those that do something: `act` is a button that is one command, or opens its
 * form; `form` is drawn while it is open; `go` leads to something else in the panel; `long` is a text that is cut, with "show all"; `clock` counts
 * seconds. `lmnb_widgets/parts.py` writes them. */
export type Part = string | number | null | undefined | Element;
type Element = [look: string, given: any, ...parts: Part[]];

/** Who carries out what parts do, and where their links lead. */
export interface Doer extends Commands {
  go?: (to: any) => void;
  /** Looks of the view's own, by their names. */
  own?: Record<string, (props: { by: Doer; given: any; children: ComponentChildren }) => ComponentChildren>;
}

const TAGS = /^(b|dd|del|details|div|dl|dt|h3|h4|i|ins|li|ol|p|section|summary|table|tbody|td|th|thead|tr)$/;
const ATTRIBUTES = /^(title|role|colspan|scope|open|(aria|data)-[a-z-]+)$/;

/** Draws a part. Texts stay texts, and nothing but plain elements comes of a look. */
export function Say({ of, by }: { of: Part; by: Doer }): ComponentChildren {
  if (of == null || typeof of !== "object") return <Text>{of}</Text>;
  const [look, given, ...parts] = of;
  const [tag, ...names] = look.split(".");
  const name = names.join(" ");
  if (tag === "long") return <Long text={String(parts[0])} cut={given?.cut} />;
  if (tag === "clock") return <Clock {...given} />;
  const inner = parts.map((one) => <Say key={keyOf(one)} of={one} by={by} />);
  if (!look) return <>{inner}</>;
  const Own = by?.own?.[tag];
  if (Own) return <Own by={by} given={given} children={inner} />;
  if (tag === "go") {
    const { more, ...to } = given;
    return (
      <Button class={name || "link"} {...more} onClick={() => by.go?.(to)}>
        {inner}
      </Button>
    );
  }
  if (tag === "form")
    return (
      (given.always || by.open === nameOf(given)) && (
        <PartForm key={nameOf(given)} by={by} of={given} class={name}>
          {inner}
        </PartForm>
      )
    );
  if (tag === "act") {
    const { args, opens, ...rest } = given;
    const open = by.open === nameOf(given);
    return (
      <Act class={name} by={by} args={args} {...rest} {...(opens && { expanded: open, onClick: () => by.setOpen(open ? "" : nameOf(given)) })}>
        {inner}
      </Act>
    );
  }
  const Tag = (TAGS.test(tag) ? tag : "span") as "span";
  return (
    <Tag class={name || undefined} style={given?.w && { "--w": given.w }} {...Object.fromEntries(Object.entries(given ?? {}).filter(([key]) => ATTRIBUTES.test(key)))}>
      {inner}
    </Tag>
  );
}

const keyOf = (part: Part): string | undefined => {
  const id = Array.isArray(part) && (part[1]?.["data-id"] ?? part[1]?.slot ?? (part[1]?.action && nameOf(part[1])));
  return id ? `${part![0]} ${id}` : undefined; // what has a name keeps its state among siblings that come and go
};
