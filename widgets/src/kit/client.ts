import type { Row } from "./types";

/** The part of an anywidget model that is used here. */
export interface Model {
  get(name: string): any;
  on(event: string, callback: (...args: any[]) => void): void;
  off(event: string, callback: (...args: any[]) => void): void;
  send(content: unknown): void;
  /** The front end's own; JupyterLab's knows the notebook. */
  widget_manager?: any;
}

/** What a view is given. */
export interface ViewProps {
  model: Model;
  /** The element that has `data-lmnb`: it takes the keys, and the focus when nothing else has it. */
  root: HTMLElement;
}

/** Answers by question: a view adds its own with `declare module "../kit/client" { interface Answers { ... } }`. */
export interface Answers {
  candidates: { total: number; rows: Row[] };
}

interface Waiting {
  settle: (message: any) => void;
  /** The kernel says that it has the request, and needs longer. */
  working: () => void;
  /** Waits no longer, unless it is a command; says which. */
  drop: () => boolean;
}

/** So long the client waits for an answer before it says the same again, in ms; after the last it gives up. */
export const PATIENCE = [2_000, 4_000, 8_000, 16_000, 30_000];

/** Requests with replies over a model's custom messages. Each view has one: replies reach every view of a model, so ids carry the view's name.
 *
 * A message can be lost while the page or the kernel's channels are being set up, so a request is repeated, with its id: the kernel carries out no
 * command twice. */
export class Client {
  readonly view = Math.random().toString(36).slice(2, 10);
  private count = 0;
  private closed = false;
  private waiting = new Map<string, Waiting>();

  constructor(
    private model: Model,
    private other: (message: any) => void = () => {},
  ) {
    model.on("msg:custom", this.receive);
  }

  /** Says that somebody looks: from now on the kernel tells what changes. */
  hello(): Promise<unknown> {
    return this.ask({ type: "hello", view: this.view });
  }

  /** Asks for the whole; it comes as any other message of that kind does. */
  resend(): Promise<unknown> {
    return this.ask({ type: "resend" });
  }

  command(action: string, args: object = {}): Promise<any> {
    return this.ask({ type: "command", action, args });
  }

  get<W extends keyof Answers>(what: W, args: object): Promise<Answers[W]> {
    return this.ask({ type: "get", what, args });
  }

  /** Says that this view looks no more. What it ordered is still heard of: the view that takes its place wants to know. */
  close(): void {
    this.other = () => {};
    try {
      this.model.send({ type: "bye", view: this.view });
    } catch {
      // the kernel is gone already
    }
    for (const [id, one] of this.waiting) one.drop() && this.waiting.delete(id);
    this.closed = true;
    this.leave();
  }

  private leave(): void {
    if (this.closed && !this.waiting.size) this.model.off("msg:custom", this.receive);
  }

  private ask(message: object): Promise<any> {
    const id = `${this.view}-${++this.count}`;
    return new Promise((resolve, reject) => {
      let tries = 0;
      let timer: ReturnType<typeof setTimeout>;
      const over = () => (clearTimeout(timer), this.waiting.delete(id), this.leave());
      const fail = (words: string) => {
        over();
        reject(new Error(words));
      };
      const tell = () => {
        if (tries === PATIENCE.length) return fail("the kernel does not answer; if it is busy with a cell, it may still do what was asked");
        timer = setTimeout(tell, PATIENCE[tries++]);
        try {
          this.model.send({ ...message, id });
        } catch (error) {
          fail(`the kernel cannot be reached: ${error}`);
        }
      };
      this.waiting.set(id, {
        settle: ({ type, error, ok, value, result }) => {
          if (error != null || ok === false) return fail(String(error));
          over();
          resolve(type === "done" ? result : value);
        },
        working: () => (tries = Math.min(tries, PATIENCE.length - 1)),
        drop: () => !("action" in message) && (clearTimeout(timer), true),
      });
      tell();
    });
  }

  private receive = (message: any): void => {
    const waiting = this.waiting.get(message?.id);
    if (message?.type === "working") return waiting?.working();
    if (message?.type !== "done" && message?.type !== "got") this.other(message);
    waiting?.settle(message);
  };
}
