/** A worker that is a thread of the CPU module. */

interface Start {
  script: string;
  compiled: WebAssembly.Module;
  memory: WebAssembly.Memory;
}

interface ThreadModule {
  default(input: { module_or_path: WebAssembly.Module; memory: WebAssembly.Memory }): Promise<unknown>;
  runThread(): void;
}

self.onmessage = async (event: MessageEvent<Start>) => {
  const { script, compiled, memory } = event.data;
  let module: ThreadModule;
  try {
    module = (await import(/* @vite-ignore */ script)) as ThreadModule;
    await module.default({ module_or_path: compiled, memory });
  } catch (thrown) {
    self.postMessage(`a thread cannot be started: ${(thrown as Error).message}`);
    return;
  }
  self.postMessage("ready");
  module.runThread();
};
