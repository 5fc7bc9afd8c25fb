/** What people did around a run, as far as it matters for what may be there in the end. Data only. */

/** A step that was blocked although nobody had planned that, and what a person did about it. */
export interface Mending {
  step: string;
  /** The code of the failure. */
  code: string;
  /** `took`: what was there; `cleared`: deleted it and asked anew; `retried`: without a change. */
  how: 'took' | 'cleared' | 'retried';
  message: string;
}

/** What people did around one run. */
export interface Deeds {
  /** Ids of the run's own things that a person told it to use. */
  adopted: string[];
  /** Things that a person deleted in Polytomic so that the run makes them anew, by kind and name. */
  cleared: Array<{ kind: string; name: string; id: string }>;
  mendings: Mending[];
  /** First executions that a person asked for anew, by step. */
  again: string[];
  /** What a person was told that should not have been: a wrong answer was taken, a right one refused for good. */
  surprises: string[];
  /** Workflow runs that stood still and went on under another run id, since a person recovered them. */
  recovered: Array<{ runId: string; why: string }>;
  /** Ids of the workflow runs that starts were answered with. */
  runIds: string[];
  /** Temporal's word for how the run ended, or that it runs. */
  ended?: string;
  /** What `audience undo` said. */
  undo?: { undone: unknown[]; left: string[] };
}

export function noDeeds(): Deeds {
  return { adopted: [], cleared: [], mendings: [], again: [], surprises: [], recovered: [], runIds: [] };
}
