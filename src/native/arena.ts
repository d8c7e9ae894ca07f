// The memory that agent and camera processes share. The agent creates it; a camera process maps the inherited descriptor.
import { closeSync } from 'node:fs';
import { AgentError } from '../core/errors.ts';
import { callNative, loadNative } from './binding.ts';

interface ArenaExports {
  arenaCreate(bytes: number): { fd: number; memory: ArrayBuffer };
  arenaMap(fd: number, bytes: number): ArrayBuffer;
}

interface Span {
  readonly offset: number;
  readonly bytes: number;
}

/** A cache line, and what the widest vector load of the runtimes wants. */
const ALIGNMENT = 64;

/**
 * One sealed memfd: neither side can resize it, so neither can make the other fault.
 *
 * Offsets are handed out at start (`reserve`) and told to camera processes by ticket; taken back is only what no ticket
 * named (`release`). Views stay valid as long as they are referenced, also after `close`. Untouched pages cost nothing.
 */
export class Arena {
  /** For `stdio` of a forked child; -1 after `close`. */
  fd: number;
  readonly bytes: number;
  /** The whole arena, not copied: what native calls take together with an offset. */
  readonly memory: Uint8Array;
  readonly #owned: boolean;
  /** By offset; never two that touch. */
  #free: Span[];

  private constructor(fd: number, memory: ArrayBuffer, owned: boolean) {
    this.fd = fd;
    this.bytes = memory.byteLength;
    this.memory = new Uint8Array(memory);
    this.#owned = owned;
    this.#free = [{ offset: 0, bytes: this.bytes }];
  }

  static create(bytes: number): Arena {
    const { fd, memory } = callNative(() => loadNative<ArenaExports>().arenaCreate(bytes));
    return new Arena(fd, memory, true);
  }

  /** Maps an inherited descriptor; refused when the file is not sealed, or smaller than `bytes`. */
  static map(fd: number, bytes: number): Arena {
    const memory = callNative(() => loadNative<ArenaExports>().arenaMap(fd, bytes));
    return new Arena(fd, memory, false);
  }

  /** The offset of `bytes` that nobody else gets, the lowest there is, 64-byte aligned; ARENA_FULL when there is no room. */
  reserve(bytes: number): number {
    const wanted = aligned(bytes);
    const span = this.#free.find((one) => one.bytes >= wanted);
    if (!(bytes > 0) || span === undefined) {
      throw new AgentError('ARENA_FULL', { size: this.bytes, wanted: bytes });
    }
    const { offset } = span;
    this.#free = this.#free.flatMap((one) => {
      if (one !== span) return [one];
      const rest = { offset: offset + wanted, bytes: one.bytes - wanted };
      return rest.bytes > 0 ? [rest] : [];
    });
    return offset;
  }

  /** Takes back what `reserve` gave for as many bytes. */
  release(offset: number, bytes: number): void {
    const spans = [...this.#free, { offset, bytes: aligned(bytes) }];
    this.#free = [];
    for (const span of spans.sort((one, other) => one.offset - other.offset)) {
      const before = this.#free.at(-1);
      if (before === undefined || before.offset + before.bytes < span.offset) this.#free.push(span);
      else this.#free.splice(-1, 1, { offset: before.offset, bytes: before.bytes + span.bytes });
    }
  }

  /** `bytes` from `offset` on, not copied. */
  view(offset: number, bytes: number): Uint8Array {
    if (!(offset >= 0 && bytes >= 0 && offset + bytes <= this.bytes)) {
      throw new AgentError('DEFECT', {
        cause: `${bytes} bytes at ${offset} lie outside the arena of ${this.bytes}`,
      });
    }
    return this.memory.subarray(offset, offset + bytes);
  }

  /** Closes the descriptor if this process created it; children that have it keep theirs. */
  close(): void {
    if (this.#owned && this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
