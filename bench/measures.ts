/** All measures, in the order of the table. */
import type { Measure } from './measure.ts';
import { cost } from './measures/cost.ts';
import { footprint } from './measures/footprint.ts';
import { large } from './measures/large.ts';
import { latency } from './measures/latency.ts';
import { overhead } from './measures/overhead.ts';
import { recovery } from './measures/recovery.ts';
import { scaleOut } from './measures/scale-out.ts';
import { throughput } from './measures/throughput.ts';
import { waiting } from './measures/waiting.ts';

export const MEASURES: readonly Measure[] = [
  latency,
  overhead,
  throughput,
  cost,
  waiting,
  recovery,
  scaleOut,
  footprint,
  large,
];
