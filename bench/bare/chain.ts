/** How many HTTP calls each step of the walkthrough makes one after the other: what a bare step waits for. */
export const SERIAL_CALLS = {
  provideSnowflakeConnection: 2,
  /** Look-up, create, its job, the model. */
  provideModel: 4,
  provideLinkedInConnection: 2,
  verifySignIn: 1,
  /** Both reads at once, the write, the look whether it was kept. */
  enableAdAccounts: 3,
  /** The list, then all that it leads to at once. */
  inspectAudiences: 2,
  createExistingSync: 2,
  /** Both look-ups at once, then the create. */
  createNewSync: 2,
} as const;

/** A step of the walkthrough, by the name of its bare activity. */
export type Step = keyof typeof SERIAL_CALLS;
