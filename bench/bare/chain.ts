/** How many HTTP calls each step of the walkthrough makes one after the other: what a bare step waits for. */
export const SERIAL_CALLS = {
  provideSnowflakeConnection: 2,
  /** Create, its job, the model. */
  provideModel: 3,
  provideLinkedInConnection: 2,
  /** Both reads at once, the write. */
  verifySignInAndEnable: 2,
  verifySignIn: 1,
  enableAdAccounts: 2,
  /** The lists and the values at once, then the fields. */
  inspectAudiences: 2,
  createExistingSync: 1,
  createNewSync: 1,
} as const;

/** A step of the walkthrough, by the name of its bare activity. */
export type Step = keyof typeof SERIAL_CALLS;
