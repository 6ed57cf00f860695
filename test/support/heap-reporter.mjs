// Preloaded into a server under test: on SIGUSR2 it collects garbage and prints what remains:
// the heap, and the memory of buffers outside it.
process.on("SIGUSR2", () => {
  for (let round = 0; round < 4; round++) globalThis.gc();
  setTimeout(() => {
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    console.log(`heap-used ${heapUsed} external ${external}`);
  }, 200);
});
