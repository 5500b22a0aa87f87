// Call the fleet by the official JavaScript SDK, unchanged, and print what it gave back as one JSON object.
//
// Arguments: the facade's URL, its key, and the input of `email_compose` as JSON.

import { Client } from "@langchain/langgraph-sdk";

const [apiUrl, apiKey, input] = process.argv.slice(2);

// The SDK posts a 5xx again up to five times unless it is told not to; a run must not be started twice.
const client = (options) => new Client({ apiUrl, apiKey: null, callerOptions: { maxRetries: 0 }, ...options });

const outcome = async (call) => {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: error.constructor.name, status: error.status ?? null, message: String(error.message) };
  }
};

const events = async (stream) => {
  const found = [];
  for await (const { event, data } of stream) found.push({ event, data });
  return found;
};

const started = async (runs, assistantId, input) => {
  const run = await runs.create(null, assistantId, { input });
  return { run, joined: await runs.join(run.thread_id, run.run_id), found: await runs.get(run.thread_id, run.run_id) };
};

const threads = async ({ threads }) => {
  const made = await threads.create({ metadata: { mark: crypto.randomUUID() } });
  const id = made.thread_id;
  const changed = await threads.update(id, { metadata: { stage: "won" } });
  const got = await threads.get(id);
  const found = await threads.search({ metadata: made.metadata, status: "idle", sortBy: "created_at" });
  const count = await threads.count({ metadata: made.metadata });
  const again = await outcome(() => threads.create({ threadId: id }));
  await threads.delete(id);
  return { made, changed, got, found, count, again, gone: await outcome(() => threads.get(id)) };
};

const conversation = async ({ threads, runs }) => {
  const { thread_id: id } = await threads.create();
  const waiting = await runs.wait(id, "ask_human", { input: { topic: "price" } });
  const [thread, state] = [await threads.get(id), await threads.getState(id)];
  const streamed = await events(
    runs.stream(id, "ask_human", { command: { resume: "yes" }, streamMode: ["values"] }),
  );
  const done = (await threads.get(id)).values;
  const late = await outcome(() => runs.wait(id, "ask_human", { command: { resume: "late" } }));
  return { waiting, thread, state, streamed, done, late, history: await threads.getHistory(id, { limit: 1 }) };
};

const edited = async ({ threads, runs }) => {
  const { thread_id: id } = await threads.create();
  await runs.wait(id, "ask_human", { input: { topic: "a", questions: 0 }, interruptBefore: ["finish"] });
  const before = await threads.getState(id);
  await threads.updateState(id, { values: { draft: "Edited." } });
  const older = await threads.getState(id, before.checkpoint);
  return { before, older, done: await runs.wait(id, "ask_human", { input: null }) };
};

const runsOfThread = async ({ threads, runs }) => {
  const { thread_id: id } = await threads.create();
  const first = await runs.create(id, "sleepy", { input: { wait_s: 0.3 } });
  const second = await runs.create(id, "echo", { input: { x: 2 } });
  const busy = await outcome(() => runs.create(id, "echo", { input: { x: 1 }, multitaskStrategy: "reject" }));
  const listed = await runs.list(id);
  await runs.cancel(id, second.run_id, true);
  const joined = await runs.join(id, first.run_id);
  const found = await events(runs.joinStream(id, first.run_id));
  const cancelled = await runs.get(id, second.run_id);
  await runs.delete(id, second.run_id);
  const removed = await outcome(() => runs.get(id, second.run_id));
  return { first, second, busy, listed, joined, events: found.map(({ event }) => event), cancelled, removed };
};

const withHeader = client({ defaultHeaders: { authorization: `Bearer ${apiKey}` } });
const withKey = client({ apiKey });

console.log(
  JSON.stringify({
    run: await outcome(() => withHeader.runs.wait(null, "email_compose", { input: JSON.parse(input) })),
    runWithKey: await outcome(() => withKey.runs.wait(null, "echo", { input: { x: 2 } })),
    search: await outcome(() => withKey.assistants.search({ graphId: "email_compose" })),
    schemas: await outcome(() => withKey.assistants.getSchemas("email_compose")),
    streamed: await outcome(() =>
      events(withKey.runs.stream(null, "echo", { input: { x: 3 }, streamMode: ["values", "updates"] })),
    ),
    background: await outcome(() => started(withKey.runs, "sleepy", { wait_s: 0.3 })),
    threads: await outcome(() => threads(withKey)),
    conversation: await outcome(() => conversation(withKey)),
    edited: await outcome(() => edited(withKey)),
    runs: await outcome(() => runsOfThread(withKey)),
    failed: await outcome(() => withKey.runs.wait(null, "boom", { input: {} })),
    wrongInput: await outcome(() => withKey.runs.wait(null, "echo", { input: { x: "one" } })),
    unknown: await outcome(() => withKey.runs.wait(null, "no_such_workflow", { input: {} })),
    withoutKey: await outcome(() => client({}).runs.wait(null, "echo", { input: { x: 1 } })),
  }),
);
