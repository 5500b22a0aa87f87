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
    failed: await outcome(() => withKey.runs.wait(null, "boom", { input: {} })),
    wrongInput: await outcome(() => withKey.runs.wait(null, "echo", { input: { x: "one" } })),
    unknown: await outcome(() => withKey.runs.wait(null, "no_such_workflow", { input: {} })),
    withoutKey: await outcome(() => client({}).runs.wait(null, "echo", { input: { x: 1 } })),
  }),
);
