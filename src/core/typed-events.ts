// An event emitter whose names and argument tuples the compiler knows.
import { EventEmitter } from 'node:events';

export type EventMap = Record<string, readonly unknown[]>;

export class TypedEvents<Map extends EventMap> {
  private readonly emitter: EventEmitter = new EventEmitter().setMaxListeners(0);

  /** Returns the function that removes the listener. */
  on<Name extends keyof Map & string>(name: Name, fn: (...args: Map[Name]) => void): () => void {
    const listener = fn as unknown as (...args: unknown[]) => void;
    this.emitter.on(name, listener);
    return () => this.emitter.off(name, listener);
  }

  once<Name extends keyof Map & string>(name: Name): Promise<Map[Name]> {
    return new Promise((resolve) => {
      this.emitter.once(name, (...args: unknown[]) => resolve(args as unknown as Map[Name]));
    });
  }

  emit<Name extends keyof Map & string>(name: Name, ...args: Map[Name]): void {
    this.emitter.emit(name, ...args);
  }

  removeAll(): void {
    this.emitter.removeAllListeners();
  }
}
