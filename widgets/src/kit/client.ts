import type { ExamplePage, Detail, TraceData, Row } from "./types";

/** The part of an anywidget model that is used here. */
export interface Model {
  get(name: string): any;
  on(event: string, callback: (...args: any[]) => void): void;
  off(event: string, callback: (...args: any[]) => void): void;
  send(content: unknown): void;
}

interface Answers {
  detail: Detail;
  examples: ExamplePage;
  trace: TraceData;
  candidates: { total: number; rows: Row[] };
}

/** Requests with replies over a model's custom messages. Each view has one: replies reach every view of a model, so ids carry the view's name. */
export class Client {
  readonly view = Math.random().toString(36).slice(2, 10);
  private count = 0;
  private waiting = new Map<string, { resolve: (value: any) => void; reject: (error: Error) => void }>();

  constructor(
    private model: Model,
    private other: (message: any) => void = () => {},
  ) {
    model.on("msg:custom", this.receive);
    this.send({ type: "hello", view: this.view });
  }

  send(message: object): void {
    this.model.send(message);
  }

  command(action: string, args: object = {}): Promise<any> {
    return this.ask({ type: "command", action, args });
  }

  get<W extends keyof Answers>(what: W, args: object): Promise<Answers[W]> {
    return this.ask({ type: "get", what, args });
  }

  close(): void {
    this.model.off("msg:custom", this.receive);
    try {
      this.send({ type: "bye", view: this.view });
    } catch {
      // the kernel is gone already
    }
    this.waiting.clear();
  }

  private ask(message: object): Promise<any> {
    const id = `${this.view}-${++this.count}`;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      try {
        this.send({ ...message, id });
      } catch (error) {
        this.waiting.delete(id);
        reject(new Error(`the kernel cannot be reached: ${error}`));
      }
    });
  }

  private receive = (message: any): void => {
    if (message?.type !== "done" && message?.type !== "got") return this.other(message);
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id);
    if (message.error != null || message.ok === false) waiting.reject(new Error(String(message.error)));
    else waiting.resolve(message.type === "done" ? message.result : message.value);
  };
}
