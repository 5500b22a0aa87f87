// Use the fleet by React's `useStream` in a page of jsdom, unchanged, and print what the page saw as one JSON object.
//
// Arguments: the facade's URL, its key, and seconds of silence.

import { JSDOM } from "jsdom";

const { window } = new JSDOM("<div id=root></div>", { url: "http://localhost/" });
for (const name of ["window", "document", "navigator", "sessionStorage"]) {
  const value = name === "window" ? window : window[name];
  Object.defineProperty(globalThis, name, { value, configurable: true }); // newer Nodes have a navigator already
}

const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useStream } = await import("@langchain/langgraph-sdk/react");

const [apiUrl, apiKey, silenceS] = process.argv.slice(2);
const WITHIN_MS = 90_000;

// Show one stream in the page; `seen` is what its last rendering had.
const shown = (assistantId) => {
  const page = { seen: null, runId: null };
  const Page = () => {
    page.seen = useStream({ apiUrl, apiKey, assistantId, onCreated: ({ run_id }) => (page.runId = run_id) });
    return null;
  };
  const place = window.document.body.appendChild(window.document.createElement("div"));
  const root = createRoot(place);
  root.render(createElement(Page));
  return { page, leave: () => root.unmount() };
};

const until = async (page, isReached) => {
  const deadline = Date.now() + WITHIN_MS;
  while (!(page.seen && isReached(page.seen))) {
    if (Date.now() > deadline) throw new Error(`not reached: ${JSON.stringify(page.seen?.values)} ${page.seen?.error}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return page.seen;
};

const conversation = async () => {
  const { page, leave } = shown("ask_human");
  await until(page, () => true);
  page.seen.submit({ topic: "price" });
  const waiting = await until(page, (seen) => seen.interrupt && !seen.isLoading);
  const interrupt = waiting.interrupt;
  page.seen.submit(undefined, { command: { resume: "yes" } });
  const done = await until(page, (seen) => seen.values.finished && !seen.isLoading);
  leave();
  return { interrupt: interrupt.value, answers: done.values.answers, error: done.error ?? null };
};

const silence = async () => {
  const { page, leave } = shown("sleepy");
  await until(page, () => true);
  page.seen.submit({ wait_s: Number(silenceS) });
  const done = await until(page, (seen) => (seen.values.waited_s || seen.error) && !seen.isLoading);
  leave();
  return { values: done.values, error: done.error ? String(done.error) : null };
};

const left = async () => {
  const { page, leave } = shown("sleepy");
  await until(page, () => true);
  page.seen.submit({ wait_s: 300 }, { onDisconnect: "cancel" });
  await until(page, (seen) => seen.values.wait_s === 300);
  page.seen.stop();
  await until(page, (seen) => !seen.isLoading);
  leave();
  return { runId: page.runId };
};

console.log(JSON.stringify({ conversation: await conversation(), silence: await silence(), left: await left() }));
process.exit(0);
