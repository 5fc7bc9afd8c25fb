/** Choices of a seed: each is a pure function of the seed and of what is chosen, whatever was chosen before. */
import { createHash } from 'node:crypto';

/** What a choice is about, e.g. `'run-0007', 'plot'`. */
type About = string | number;

/** The choices of one seed about one thing. */
export class Draws {
  private readonly path: readonly About[];

  constructor(seed: string, ...about: About[]) {
    this.path = [seed, ...about];
  }

  /** From 0 to below 1. */
  number(...about: About[]): number {
    const hash = createHash('sha256')
      .update(JSON.stringify([...this.path, ...about]))
      .digest();
    return hash.readUIntBE(0, 6) / 2 ** 48;
  }

  /** True in this share of all cases. */
  chance(share: number, ...about: About[]): boolean {
    return this.number(...about) < share;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number, ...about: About[]): number {
    return least + Math.floor(this.number(...about) * (most - least + 1));
  }

  pick<T>(items: readonly T[], ...about: About[]): T {
    return items[Math.floor(this.number(...about) * items.length)] as T;
  }

  /** One of the keys, each as often as its weight is to that of all. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>, ...about: About[]): K {
    const entries = Object.entries(weights) as Array<[K, number]>;
    let left = this.number(...about) * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    throw new RangeError('there is nothing to choose from');
  }
}
