// Preloaded into a server under test: on SIGUSR2 it collects garbage and prints what the heap holds.
process.on("SIGUSR2", () => {
  for (let round = 0; round < 4; round++) globalThis.gc();
  setTimeout(() => {
    globalThis.gc();
    console.log(`heap-used ${process.memoryUsage().heapUsed}`);
  }, 200);
});
