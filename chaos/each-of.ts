/** Does `work` for each item, so many at once, in their order. Rejects with the first that fails, once all that began have ended. */
export async function eachOf<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  let failed: { error: unknown } | undefined;
  const worker = async () => {
    for (const item of left) {
      if (failed !== undefined) return;
      await work(item).catch((error: unknown) => {
        failed ??= { error };
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failed !== undefined) throw failed.error;
}
