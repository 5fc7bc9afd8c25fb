/** After all tests: the server that they shared. */
export default async function tearDown() {
  await globalThis.tearDownTests();
}
